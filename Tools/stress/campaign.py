"""Runs the parts of a campaign against one program and one model."""
import contextlib
import json
import os
import resource
import subprocess
import threading
import traceback

import equality
import fields
import hostile
import idling
import report
import service
import signals
import slowness
import storm

PARTS = {
    "equal": equality.part, "leave": storm.part, "slow": slowness.part, "idle": idling.part,
    "hostile": hostile.part, "fields": fields.part, "reload": signals.reload, "drain": signals.drain,
    "damage": signals.damage}


class Run:
    def __init__(self, ister, model, folder, options):
        self.ister, self.model, self.folder = ister, model, folder
        self.quick, self.requests, self.seed = options.quick, options.requests, options.seed
        self.report = report.Report(verbose=not options.terse)
        self.model_name = os.path.basename(model).removesuffix(".ister")
        inspected = subprocess.run([ister, "inspect", model, "--json"], capture_output=True, check=True)
        shape = json.loads(inspected.stdout)["shape"]
        self.vocabulary = shape["vocabulary_size"]
        self.context = shape["context_length"]
        # 16 positions in a cache of halves.
        self.block_bytes = 16 * shape["layer_count"] * shape["key_value_head_count"] * shape["head_width"] * 2 * 2

    @contextlib.contextmanager
    def server(self, *options, name, model=None):
        """Ends well, unless the part ended it itself or something else failed before."""
        server = service.Server(self.ister, model or self.model, self.folder, *options, name=name)
        try:
            yield server
            if server.is_alive() or server.process.returncode is None:
                code = server.stop()
                self.report.check(name, "SIGTERM ends the server with 0", code == 0, code)
            self.report.check(name, "its log has no internal error", "internal error" not in server.log())
        finally:
            if server.is_alive():
                server.process.kill()
                server.process.wait()


def run(ister, model, folder, parts, options):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    campaign = Run(ister, model, folder, options)
    # These wait more than they work.
    aside = [name for name in parts if options.quick and name in ("slow", "idle")]
    threads = [threading.Thread(target=run_part, args=(campaign, name)) for name in aside]
    for thread in threads:
        thread.start()
    for name in parts:
        if name not in aside:
            run_part(campaign, name)
    for thread in threads:
        thread.join()
    return campaign.report


def run_part(campaign, name):
    try:
        PARTS[name](campaign)
    except Exception:  # A part that fails must not keep the others from running.
        campaign.report.check(name, "the part runs to its end", False, traceback.format_exc()[-600:].replace("\n", " "))
