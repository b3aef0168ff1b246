//! A browser: headless Chromium, driven over WebDriver by Debian's chromedriver.

use std::{process::Command, time::Duration};

use reqwest::Method;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::eventually;
use tokio::sync::{Mutex, MutexGuard};

use crate::{
    customer::Customer,
    program::Program,
    system::{System, free_address},
};

/// WebDriver's name for the member with an element's id.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// WebDriver's codes of keys.
pub const TAB: &str = "\u{E004}";
pub const ENTER: &str = "\u{E007}";
/// More than any page has elements that can take the focus.
const FOCUSABLE: usize = 120;

pub struct Browser {
    client: reqwest::Client,
    session: String,
    /// The address of the console.
    console: String,
    _processes: Processes,
    /// One browser runs at a time, since each keeps a processor busy. Released last.
    _turn: MutexGuard<'static, ()>,
}

static TURN: Mutex<()> = Mutex::const_new(());

/// A chromedriver and its browser. Both end on drop.
struct Processes {
    driver: Program,
    profile: TempDir,
}

impl Drop for Processes {
    fn drop(&mut self) {
        self.driver.signal(Signal::KILL);
        // The browser outlives its chromedriver. The profile's path in its command line identifies it.
        let profile = self.profile.path().as_os_str().as_encoded_bytes();
        for process in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
            let pid = process.file_name().to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw);
            if let Some(pid) = pid.filter(|_| line.windows(profile.len()).any(|part| part == profile)) {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
    }
}

impl Browser {
    /// Starts a browser for the console of `system`, with its own profile.
    pub async fn start(system: &System) -> Self {
        let console = format!("http://{}", system.address(&console::SERVICE));
        let turn = TURN.lock().await;
        let profile = tempfile::tempdir().expect("a temporary directory");
        let address = free_address();
        let mut command = Command::new("chromedriver");
        command.arg(format!("--port={}", address.port()));
        let driver = Program::start(command, &profile.path().join("chromedriver.log"));
        let processes = Processes { driver, profile };
        let client = platform::http::client(Duration::from_mins(1)).expect("a client");
        let base = format!("http://127.0.0.1:{}", address.port());
        eventually(async || client.get(format!("{base}/status")).send().await.ok()).await;
        let arguments = [
            "--headless=new".to_owned(),
            // The browser may run as root, and in containers without a large /dev/shm.
            "--no-sandbox".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            format!("--user-data-dir={}", processes.profile.path().join("profile").display()),
            "--window-size=1280,1000".to_owned(),
            // Resolves only this machine's name, so that a page that needs another host fails.
            format!("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE {}", host(&console)),
        ];
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": { "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL" },
        }}});
        let opened = call(&client, Method::POST, &format!("{base}/session"), Some(wanted)).await;
        let session = format!("{base}/session/{}", opened["sessionId"].as_str().expect("a session"));
        Self { client, session, console, _processes: processes, _turn: turn }
    }

    /// Starts a browser in which a new customer has logged in. Returns also the customer and a part.
    pub async fn of_customer(system: &System) -> (Self, Customer, String) {
        let customer = Customer::new(system).await;
        let part = customer.part("Window A").await.uuid;
        let browser = Self::start(system).await;
        browser.log_in(&customer.session).await;
        (browser, customer, part)
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        call(&self.client, Method::POST, &format!("{}{path}", self.session), Some(body)).await
    }

    async fn read(&self, path: &str) -> Value {
        call(&self.client, Method::GET, &format!("{}{path}", self.session), None).await
    }

    pub async fn open(&self, path: &str) {
        self.open_url(&format!("{}{path}", self.console)).await;
    }

    pub async fn open_url(&self, url: &str) {
        self.post("/url", json!({ "url": url })).await;
    }

    /// Shows the next pages in the scheme `light` or `dark`, and with a width in CSS pixels.
    pub async fn shown(&self, scheme: &str, width: u32) {
        let colours = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        let size = json!({ "width": width, "height": 800, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setEmulatedMedia", colours).await;
        self.devtools("Emulation.setDeviceMetricsOverride", size).await;
    }

    async fn devtools(&self, command: &str, params: Value) {
        self.post("/goog/cdp/execute", json!({ "cmd": command, "params": params })).await;
    }

    /// Logs in with an existing session.
    pub async fn log_in(&self, session: &str) {
        self.open("/console/login").await;
        let cookie = json!({ "name": "shipyard_session", "value": session, "path": "/console", "httpOnly": true });
        self.post("/cookie", json!({ "cookie": cookie })).await;
    }

    /// The path of the page, with its query.
    pub async fn path(&self) -> String {
        let url = self.read("/url").await;
        url.as_str().expect("a page has an address").strip_prefix(&self.console).unwrap_or_default().to_owned()
    }

    /// Waits until the path of the page begins with `prefix`, and returns the path.
    pub async fn arrive(&self, prefix: &str) -> String {
        eventually(async || Some(self.path().await).filter(|path| path.starts_with(prefix))).await
    }

    /// Runs a script in the page, and returns its value.
    pub async fn script(&self, script: &str) -> Value {
        self.post("/execute/sync", json!({ "script": script, "args": [] })).await
    }

    /// Runs a script that passes its result to its last argument, a function. Returns the result.
    pub async fn script_with_result(&self, script: &str) -> Value {
        self.post("/execute/async", json!({ "script": script, "args": [] })).await
    }

    /// The text of the first element of a CSS selector; empty if there is none.
    pub async fn text(&self, selector: &str) -> String {
        let script = format!("return document.querySelector({})?.innerText ?? ''", json!(selector));
        self.script(&script).await.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until an element contains this text.
    pub async fn wait_for(&self, selector: &str, text: &str) {
        let waited = async || {
            let shown = self.text(selector).await;
            if shown.contains(text) { Ok(()) } else { Err(format!("{selector} shows {shown:?}, not {text:?}")) }
        };
        eventually(waited).await;
    }

    /// Waits for the first element of a CSS selector.
    async fn element(&self, selector: &str) -> String {
        eventually(async || self.element_now(selector).await).await
    }

    async fn element_now(&self, selector: &str) -> Option<String> {
        let body = json!({ "using": "css selector", "value": selector });
        Some(self.post_unless_gone("/element", body).await?[ELEMENT].as_str()?.to_owned())
    }

    /// Waits for an element and clicks it. If a live update replaces the element meanwhile, clicks the new one.
    pub async fn click(&self, selector: &str) {
        eventually(async || {
            let element = self.element_now(selector).await?;
            // Scrolls the element to the middle, because the cart covers the lower end of the page.
            let scroll = "arguments[0].scrollIntoView({ block: 'center' })";
            let scrolled = json!({ "script": scroll, "args": [{ ELEMENT: element }] });
            self.post_unless_gone("/execute/sync", scrolled).await?;
            self.post_unless_gone(&format!("/element/{element}/click"), json!({})).await
        })
        .await;
    }

    /// Sends a request about an element. Returns `None` if the element is not in the page.
    async fn post_unless_gone(&self, path: &str, body: Value) -> Option<Value> {
        match try_call(&self.client, Method::POST, &format!("{}{path}", self.session), Some(body)).await {
            Ok(value) => Some(value),
            Err(problem) if problem.contains("stale element") || problem.contains("no such element") => None,
            Err(problem) => panic!("{problem}"),
        }
    }

    pub async fn fill(&self, selector: &str, text: &str) {
        let element = self.element(selector).await;
        self.post(&format!("/element/{element}/value"), json!({ "text": text })).await;
    }

    /// Double-clicks an element as fast as a mouse.
    pub async fn double_click(&self, selector: &str) {
        let element = self.element(selector).await;
        let press = json!({ "type": "pointerDown", "button": 0 });
        let release = json!({ "type": "pointerUp", "button": 0 });
        let to = json!({ "type": "pointerMove", "origin": { ELEMENT: element }, "x": 0, "y": 0 });
        let actions = json!([to, press.clone(), release.clone(), press, release]);
        let mouse = json!({ "type": "pointer", "id": "mouse", "actions": actions });
        self.post("/actions", json!({ "actions": [mouse] })).await;
    }

    /// Presses the keys of a text, one after another, wherever the focus is.
    pub async fn press(&self, keys: &str) {
        let press = |key: char| [json!({ "type": "keyDown", "value": key }), json!({ "type": "keyUp", "value": key })];
        let actions: Vec<Value> = keys.chars().flat_map(press).collect();
        self.post("/actions", json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": actions }] })).await;
    }

    /// Moves the focus to an element with the Tab key alone.
    pub async fn tab_to(&self, selector: &str) {
        let is_there = format!("return document.activeElement.matches({})", json!(selector));
        for _ in 0..FOCUSABLE {
            if self.script(&is_there).await == true {
                return;
            }
            self.press(TAB).await;
        }
        panic!("no key leads to {selector}");
    }

    /// Opens another tab, makes it the current one, and returns it.
    pub async fn open_tab(&self) -> String {
        let tab =
            self.post("/window/new", json!({ "type": "tab" })).await["handle"].as_str().expect("a tab").to_owned();
        self.switch_to(&tab).await;
        tab
    }

    pub async fn tab(&self) -> String {
        self.read("/window").await.as_str().expect("a tab").to_owned()
    }

    /// Makes a tab the current one, and hides the others.
    pub async fn switch_to(&self, tab: &str) {
        self.post("/window", json!({ "handle": tab })).await;
        self.devtools("Page.bringToFront", json!({})).await;
    }

    /// Asserts that the browser's log only complains about responses with these statuses: no script failed, and the
    /// policy forbade nothing.
    pub async fn assert_calm(&self, statuses: &[u16]) {
        let log = self.post("/se/log", json!({ "type": "browser" })).await;
        let lines = log.as_array().into_iter().flatten().filter_map(|line| line["message"].as_str());
        let is_expected = |line: &str| statuses.iter().any(|status| line.contains(&format!("status of {status}")));
        let complaints: Vec<&str> = lines.filter(|line| !is_expected(line)).collect();
        assert!(complaints.is_empty(), "{complaints:#?}");
    }
}

fn host(url: &str) -> String {
    let url = reqwest::Url::parse(url).expect("a URL");
    url.host_str().expect("it has a host").to_owned()
}

async fn call(client: &reqwest::Client, method: Method, url: &str, body: Option<Value>) -> Value {
    try_call(client, method, url, body).await.unwrap_or_else(|problem| panic!("{problem}"))
}

/// Sends a command to the driver. Returns the response's value or error message.
async fn try_call(client: &reqwest::Client, method: Method, url: &str, body: Option<Value>) -> Result<Value, String> {
    let request = client.request(method, url);
    let request = match body {
        Some(body) => request.json(&body),
        None => request,
    };
    let response = request.send().await.unwrap_or_else(|error| panic!("chromedriver: {error}"));
    let status = response.status();
    let mut body: Value = response.json().await.unwrap_or_default();
    if status.is_success() { Ok(body["value"].take()) } else { Err(format!("{url}: {}", body["value"]["message"])) }
}
