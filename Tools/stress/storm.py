"""A storm of clients that leave, beside others that stay."""
import leaving
import survival


def part(run):
    count = 48 if run.quick else 500
    with run.server("--parallel", 8, name="leaving") as server:
        around = survival.Survival(run, "leave", server)
        leaving.stay(server, count // 2)
        leaving.storm(server, count, 0)
        around.before()
        around.beside(lambda: leaving.storm(server, count, 7), lambda: leaving.stay(server, count // 4))
        run.report.note(
            "leave", "clients that left", f"{count} in {len(leaving.PHASES)} phases, by FIN, half-close and RST")
        around.after()
        if not run.quick:
            # What grows a little each time would show after many.
            for round in range(4):
                leaving.storm(server, count, 100 + round)
                server.settle()
                run.report.note("leave", f"after {count * (round + 2)} clients", server.held())
            around.after()
