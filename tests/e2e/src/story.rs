//! The main job, played from outside: Ann's window through its accessibility tree, the console in Chromium, Bob and
//! the customer by a client that is not ours, whose wire is read.

use crate::driver::{Driver, PYTHON};
use crate::realm::Realm;
use crate::screen::Screen;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// The sentence that Ann looks for; it was said last week.
const SAID_LAST_WEEK: &str = "sixty days";

/// Everybody on stage.
#[derive(Debug)]
pub struct Story {
    window: Driver,
    browser: Driver,
    bob: Driver,
    customer: Driver,
    workgroup: String,
    managed_by: String,
    console: String,
    pictures: PathBuf,
    _screen: Screen,
}

type Step = (&'static str, fn(&mut Story) -> Result<()>);

/// The steps in order; a step's name is its picture's.
pub const STEPS: [Step; 8] = [
    ("1-signed-in", signed_in),
    ("2-organisation", organisation),
    ("3-message-to-bob", message_to_bob),
    ("4-sentence-from-last-week", sentence_from_last_week),
    ("5-policy-published", policy_published),
    ("6-offer", offer),
    ("7-chat-with-customer", chat_with_customer),
    ("8-transcript", transcript),
];

impl Story {
    /// Brings everybody on stage: Ann's window with her ticket, Bob, the customer, the administrator's browser.
    pub fn start(realm: &Realm, pictures: &Path) -> Result<Self> {
        std::fs::create_dir_all(pictures)?;
        let screen = Screen::start(realm.dir.join("session"))?;
        let mut command = screen.command(Path::new(PYTHON));
        command.arg(realm.dir.join("window.py")).arg(realm.program("flint"));
        command.args(realm.client_options(&realm.state("ann")?));
        command.stderr(std::fs::File::create(pictures.join("window.log"))?);
        let window = Driver::start("Ann's window", realm.ticket(&mut command, "ann"))?;

        let mut bob = realm.peer("bob")?;
        bob.tell(&json!({ "do": "reply" }))?;
        let customer = realm.peer(realm.text("customer"))?;
        let browser = start_browser(realm)?;
        let workgroup = realm.report["workgroups"][0].as_str().context("no workgroup")?.to_owned();
        Ok(Self {
            window,
            browser,
            bob,
            customer,
            workgroup,
            managed_by: realm.text("domain").to_owned(),
            console: realm.text("console_url").to_owned(),
            pictures: pictures.to_owned(),
            _screen: screen,
        })
    }

    /// Plays every step; `tell` gets each step's name before it begins.
    ///
    /// # Errors
    /// Names the step that failed, and keeps a picture of the window at that moment.
    pub fn play(&mut self, tell: &mut dyn FnMut(&str)) -> Result<()> {
        for (name, step) in STEPS {
            tell(name);
            let result = step(self);
            let picture = self.picture(if result.is_ok() { name } else { "failed" });
            if let Err(error) = result {
                let tree = self.window.ask(&json!({ "do": "tree" })).unwrap_or_default();
                let file = self.pictures.join("failed.txt");
                std::fs::write(&file, tree["tree"].as_str().unwrap_or_default())?;
                return Err(error.context(format!("step {name} failed (see {})", file.display())));
            }
            picture?;
        }
        Ok(())
    }

    fn picture(&mut self, name: &str) -> Result<()> {
        let file = self.pictures.join(format!("{name}.png"));
        self.window.ask(&json!({ "do": "picture", "file": file }))?;
        Ok(())
    }

    fn see(&mut self, want: Value) -> Result<Value> {
        let mut want = want;
        want["do"] = json!("wait");
        self.window.ask(&want)
    }

    fn press(&mut self, name: &str) -> Result<()> {
        let roles = ["push button", "toggle button", "radio button", "menu item", "button"];
        self.window.ask(&json!({ "do": "press", "role": roles, "name": name }))?;
        Ok(())
    }

    /// Switches to a page and waits until it is the one shown: what stands on a hidden page can't be pressed.
    fn go(&mut self, page: &str) -> Result<()> {
        self.press(page)?;
        self.see(json!({ "role": ["push button", "toggle button", "radio button"], "name": page, "checked": true }))?;
        Ok(())
    }

    /// Types into whatever has the focus.
    fn write(&mut self, text: &str) -> Result<()> {
        self.window.ask(&json!({ "do": "type", "text": text }))?;
        Ok(())
    }

    fn keys(&mut self, keys: &str) -> Result<()> {
        self.window.ask(&json!({ "do": "keys", "keys": keys }))?;
        Ok(())
    }
}

/// Chromium with its own profile, the realm's authority and the administrator's ticket.
fn start_browser(realm: &Realm) -> Result<Driver> {
    let home = crate::browser::home(realm)?;
    let mut command = crate::driver::bound_command(PYTHON);
    command.arg(realm.dir.join("browser.py")).arg(home.join("profile")).args(["1", "1360", "800"]);
    command.env("HOME", &home).env("TMPDIR", &home).stderr(std::process::Stdio::null());
    Driver::start("the administrator's browser", realm.ticket(&mut command, realm.text("admin")))
}

fn stanza(line: &Value) -> Option<&str> {
    (line["event"] == json!("stanza")).then(|| line["xml"].as_str()).flatten()
}

fn signed_in(story: &mut Story) -> Result<()> {
    story.see(json!({ "contains": "Ann Meyer" }))?;
    story.see(json!({ "contains": "Available" }))?;
    Ok(())
}

fn organisation(story: &mut Story) -> Result<()> {
    story.see(json!({ "contains": "Bob Stone" }))?;
    story.go("Rooms")?;
    for room in ["Roadmap", "Support team", "Facility"] {
        story.see(json!({ "contains": room }))?;
    }
    story.go("People")?;
    for group in ["Legal", "Support", "Sales"] {
        story.see(json!({ "contains": group }))?;
    }
    Ok(())
}

fn message_to_bob(story: &mut Story) -> Result<()> {
    story.go("Chats")?;
    story.keys("ctrl+k")?;
    story.write("Bob Stone")?;
    story.see(json!({ "role": ["list item"], "contains": "Bob Stone" }))?;
    story.keys("Return")?;
    story.see(json!({ "name": "Write to Bob Stone" }))?;
    story.write("Lunch at one, at the river?")?;
    story.keys("Return")?;
    story.bob.wait("Ann's message at Bob's", |line| {
        stanza(line)
            .filter(|xml| xml.contains("Lunch at one, at the river?") && xml.contains("type=\"chat\""))
            .map(drop)
    })?;
    story.see(json!({ "contains": "Got it, thank you! (Lunch at one" }))?;
    Ok(())
}

fn sentence_from_last_week(story: &mut Story) -> Result<()> {
    story.keys("ctrl+k")?;
    story.write(SAID_LAST_WEEK)?;
    story.see(json!({ "contains": "They accepted sixty days" }))?;
    Ok(())
}

fn policy_published(story: &mut Story) -> Result<()> {
    story.keys("Escape")?;
    story.go("People")?;
    story.see(json!({ "name": "Add contact", "sensitive": true }))?;
    let browser = &mut story.browser;
    browser.ask(&json!({ "do": "open", "url": format!("{}policies?for=support&policy=ContactAddingAllowed", story.console) }))?;
    browser.ask(&json!({ "do": "wait", "css": "h1", "contains": "Policies" }))?;
    browser.ask(&json!({ "do": "press", "css": "input[name=value][value=off]" }))?;
    browser.ask(&json!({ "do": "press", "css": "#preview" }))?;
    browser.ask(&json!({ "do": "wait", "css": "main", "contains": "setting changes" }))?;
    let file = story.pictures.join("5-console.png");
    browser.ask(&json!({ "do": "picture", "file": file }))?;
    browser.ask(&json!({ "do": "press", "css": "#publish" }))?;
    let locked = story.see(json!({ "role": ["push button"], "name": "Add contact", "sensitive": false }))?;
    let words = format!("Managed by {}: ContactAddingAllowed", story.managed_by);
    ensure!(locked["description"] == json!(words), "the lock says {}", locked["description"]);
    Ok(())
}

fn offer(story: &mut Story) -> Result<()> {
    story.go("Desk")?;
    story.press("Join Demo Support")?;
    story.see(json!({ "contains": "waiting" }))?;
    let join = format!(
        "<iq type='set' to='{}' id='join1'><join-queue xmlns='http://jabber.org/protocol/workgroup'>\
         <queue-notifications/><x xmlns='jabber:x:data' type='submit'>\
         <field var='username'><value>Ms Klein</value></field>\
         <field var='order'><value>4711</value></field>\
         <field var='question'><value>The invoice of March is wrong.</value></field></x></join-queue></iq>",
        story.workgroup
    );
    story.customer.tell(&json!({ "do": "serve" }))?;
    story.customer.tell(&json!({ "do": "send", "xml": join }))?;
    story.customer.wait("the answer to join-queue", |line| {
        stanza(line).filter(|xml| xml.contains("join1") && xml.contains("type=\"result\"")).map(drop)
    })?;
    for words in ["Ms Klein", "The invoice of March is wrong.", "4711"] {
        story.see(json!({ "contains": words }))?;
    }
    story.see(json!({ "name": "Accept", "sensitive": true }))?;
    Ok(())
}

fn chat_with_customer(story: &mut Story) -> Result<()> {
    story.keys("ctrl+Return")?;
    story.customer.wait("the invitation", |line| {
        stanza(line).filter(|xml| xml.contains("muc#user") && xml.contains("<invite")).map(drop)
    })?;
    story.see(json!({ "name": "Write to Ms Klein" }))?;
    story.write("Good morning, I look at your invoice now.")?;
    story.keys("Return")?;
    story.customer.wait("Ann's words in the room", |line| {
        stanza(line)
            .filter(|xml| xml.contains("I look at your invoice now.") && xml.contains("groupchat"))
            .map(drop)
    })?;
    story.see(json!({ "contains": "Thank you for the quick reply." }))?;
    Ok(())
}

fn transcript(story: &mut Story) -> Result<()> {
    story.press("End chat")?;
    // The dialog's Enter ends the chat; libadwaita 1.2 doubles the names of its buttons.
    story.see(json!({ "role": ["dialog"], "name": "End the chat with Ms Klein?" }))?;
    story.keys("Return")?;
    story.press("Show transcript")?;
    story.see(json!({ "contains": "Good morning, I look at your invoice now." }))?;
    story.see(json!({ "contains": "Thank you for the quick reply." }))?;
    Ok(())
}
