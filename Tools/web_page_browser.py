"""A headless Chromium with the server's page: a part of web-page-test.py."""

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException, TimeoutException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

SIZES = {"wide": (1280, 800), "narrow": (390, 780)}


def start_browser():
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for argument in ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))


class Page:
    def __init__(self, browser, pictures):
        self.browser = browser
        self.pictures = pictures
        self.complaints = []

    def find(self, selector):
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector):
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def js(self, code, *arguments):
        return self.browser.execute_script(code, *arguments)

    def wait(self, condition, seconds=60):
        """Whether a condition holds within a time that is long even for a busy machine. The page may replace elements
        while they are being asked."""
        waiting = WebDriverWait(
            self.browser, seconds, poll_frequency=0.02, ignored_exceptions=[StaleElementReferenceException])
        try:
            return waiting.until(lambda _: condition())
        except TimeoutException:
            return False

    def texts(self, selector):
        """What elements show, read at one moment."""
        return self.js("return [...document.querySelectorAll(arguments[0])].map(n => n.innerText.trim())", selector)

    def settle(self):
        """Lets what the last steps set off, as scrolling, reach the page."""
        self.browser.execute_async_script(
            "requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(arguments[0])))")

    def emulate(self, scheme, size):
        width, height = SIZES[size]
        self.browser.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})

    def slow_network(self, bytes_per_second):
        """Makes a tiny model's answer last long enough to be watched; -1 ends it. The load is not read meanwhile, as in
        a page that cannot be seen: it would take its share."""
        self.js("Object.defineProperty(document, 'hidden', {value: arguments[0], configurable: true})",
                bytes_per_second > 0)
        self.browser.execute_cdp_cmd("Network.enable", {})
        self.browser.execute_cdp_cmd("Network.emulateNetworkConditions", {
            "offline": False, "latency": 0, "downloadThroughput": bytes_per_second, "uploadThroughput": -1})

    def fill(self, selector, text):
        field = self.find(selector)
        self.js("arguments[0].value = ''", field)
        field.send_keys(text)
        self.js("arguments[0].blur()", field)

    def send(self, text):
        self.find("#message").send_keys(text, Keys.ENTER)

    def is_running(self):
        return bool(self.all(".turn.running"))

    def answer(self):
        """Its text as it came, before Markdown made elements of it."""
        return self.js("return document.querySelector('.turn.assistant:last-child .text')?.source ?? ''")

    def figures(self):
        text = self.js("return document.querySelector('.turn.assistant:last-child .figures')?.textContent ?? ''")
        return text.replace("\u00a0", " ")

    def picture(self, name):
        self.browser.save_screenshot(str(self.pictures / f"{name}.png"))

    def collect_complaints(self, refused_key=False):
        for entry in self.browser.get_log("browser"):
            is_refusal = entry["source"] == "network" and " 401 " in entry["message"]
            if entry["level"] in ("SEVERE", "WARNING") and not (refused_key and is_refusal):
                self.complaints.append(entry["message"])
