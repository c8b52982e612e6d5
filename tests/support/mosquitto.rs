//! A real broker of one's own on a free port, and `mosquitto_sub` to read back what it delivers.

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use tempfile::TempDir;

use super::reports::Reports;
use super::{wait_until, wait_while_it_grows};

/// Debian puts the broker where an ordinary user's path doesn't lead.
const PROGRAMS: [&str; 2] = ["/usr/sbin/mosquitto", "mosquitto"];

/// A private Mosquitto. It is stopped when dropped.
pub struct Broker {
    /// Where it listens, on 127.0.0.1.
    pub port: u16,
    folder: TempDir,
    process: Option<Child>,
}

impl Broker {
    /// Starts a broker that keeps its state, open to everybody unless `configuration` says more.
    pub fn start(configuration: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let mut broker = Self { port, folder, process: None };
        broker.configure(configuration);
        broker.resume();
        broker
    }

    /// A file in the broker's folder, by its path.
    pub fn file(&self, name: &str, content: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    }

    /// Sets the configuration for the next start.
    pub fn configure(&self, configuration: &str) {
        let access = if configuration.contains("allow_anonymous") { "" } else { "allow_anonymous true\n" };
        let folder = self.folder.path().display();
        let port = self.port;
        let common = format!("listener {port} 127.0.0.1\npersistence true\npersistence_location {folder}/\n");
        // Started as root, Mosquitto gives up its rights and could not write into our folder.
        let user = if rustix::process::getuid().is_root() { "user root\n" } else { "" };
        self.file("mosquitto.conf", &format!("{common}{user}{access}{configuration}\n"));
    }

    /// Starts it again, on the same port, with what it kept.
    pub fn resume(&mut self) {
        let program = PROGRAMS.iter().find(|program| Path::new(program).exists()).unwrap_or(&PROGRAMS[1]);
        let log = std::fs::File::options().append(true).create(true).open(self.folder.path().join("log")).unwrap();
        let process = Command::new(program)
            .arg("-c")
            .arg(self.folder.path().join("mosquitto.conf"))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the broker starts: install the Debian package mosquitto");
        self.process = Some(process);
        wait_until("the broker listens", || TcpStream::connect(("127.0.0.1", self.port)).is_ok());
    }

    /// Stops it as systemd would, and waits until it is gone.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            // Again and again: a signal that comes before the broker's main loop begins is forgotten.
            wait_until("the broker ends", || {
                terminate(&process);
                process.try_wait().unwrap().is_some()
            });
        }
    }

    /// The broker's address.
    pub fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.stop();
    }
}

fn terminate(process: &Child) {
    if let Some(id) = i32::try_from(process.id()).ok().and_then(rustix::process::Pid::from_raw) {
        // It may be gone already.
        let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
    }
}

/// A port that nobody listens on, below those that systems give to outgoing connections: it stays free while the
/// broker is stopped.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Test programs that run side by side get ports that lie apart.
    let begin = std::process::id().wrapping_mul(64) % 12_000;
    let ports = std::iter::repeat_with(|| {
        let turn = u32::from(NEXT.fetch_add(1, Ordering::SeqCst));
        20_000 + u16::try_from((begin + turn) % 12_000).unwrap()
    });
    ports.take(12_000).find(|&port| TcpListener::bind(("127.0.0.1", port)).is_ok()).expect("a free port")
}

/// One message as a subscriber got it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// Its topic.
    pub topic: String,
    /// Whether the broker had kept it.
    pub retained: bool,
    /// The bytes.
    pub payload: Vec<u8>,
    /// MQTT 5's correlation data.
    pub correlation: String,
    /// MQTT 5's content type.
    pub content_type: String,
}

/// A `mosquitto_sub` that notes everything. Its session outlives a restart of the broker.
pub struct Subscriber {
    reading: Arc<Reading>,
}

/// What the subscriber and its reading thread share.
struct Reading {
    process: Mutex<Option<Child>>,
    messages: Mutex<Vec<Delivered>>,
    reports: Mutex<Reports>,
    /// Whether messages are kept, or reports counted alone.
    keeps_messages: bool,
    ended: AtomicBool,
}

impl Subscriber {
    /// Subscribes to a filter under a name of its own, and waits until the broker has confirmed it.
    pub fn start(broker: &Broker, name: &str, filter: &str) -> Self {
        Self::subscribe(broker, name, filter, true)
    }

    /// Subscribes to reports alone and keeps no message, so that a million may come.
    pub fn counting(broker: &Broker, name: &str) -> Self {
        Self::subscribe(broker, name, "edgeval/1/+/+/report/#", false)
    }

    fn subscribe(broker: &Broker, name: &str, filter: &str, keeps_messages: bool) -> Self {
        let arguments = format!("-V 5 -h 127.0.0.1 -p {} -q 1 -i {name} -c -x 3600 -t {filter}", broker.port);
        let arguments: Vec<String> = arguments.split(' ').map(str::to_owned).collect();
        let confirmed = Command::new("mosquitto_sub").args(&arguments).arg("-E").status();
        assert!(confirmed.expect("install the Debian package mosquitto-clients").success(), "subscribing to {filter}");
        let reading = Arc::new(Reading {
            process: Mutex::default(),
            messages: Mutex::default(),
            reports: Mutex::default(),
            keeps_messages,
            ended: AtomicBool::default(),
        });
        let shared = Arc::clone(&reading);
        std::thread::spawn(move || {
            // It gives up when the broker is away at its first try, and is started again: the broker keeps its session.
            while !shared.ended.load(Ordering::SeqCst) {
                shared.read(&arguments);
            }
        });
        Self { reading }
    }

    /// Everything so far.
    pub fn messages(&self) -> Vec<Delivered> {
        self.reading.messages.lock().unwrap().clone()
    }

    /// The reports so far. Nothing comes while this is held.
    pub fn reports(&self) -> MutexGuard<'_, Reports> {
        self.reading.reports.lock().unwrap()
    }

    /// Waits until a message is among those that came, and gives it.
    pub fn wait_for(&self, what: &str, is_it: impl Fn(&Delivered) -> bool) -> Delivered {
        let find = || self.reading.messages.lock().unwrap().iter().find(|message| is_it(message)).cloned();
        wait_until(what, || find().is_some());
        find().unwrap()
    }

    /// Waits until the reports are so, as long as new ones come.
    pub fn wait_for_reports(&self, what: &str, is_so: impl Fn(&Reports) -> bool) {
        wait_while_it_grows(what, || self.reports().deliveries(), || is_so(&self.reports()));
    }
}

impl Reading {
    /// Notes what one `mosquitto_sub` prints until it ends.
    fn read(&self, arguments: &[String]) {
        // Line by line, because it buffers what goes into a pipe.
        let mut process = Command::new("stdbuf")
            .args(["-oL", "mosquitto_sub", "-F", "%r %t %x %D %C"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = process.stdout.take().unwrap();
        *self.process.lock().unwrap() = Some(process);
        if self.ended.load(Ordering::SeqCst) {
            self.end();
        }
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            self.note(Delivered::parse(&line));
        }
        self.end();
    }

    fn note(&self, message: Delivered) {
        self.reports.lock().unwrap().note(&message);
        if self.keeps_messages {
            self.messages.lock().unwrap().push(message);
        }
    }

    fn end(&self) {
        if let Some(mut process) = self.process.lock().unwrap().take() {
            // It may have ended already.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.reading.ended.store(true, Ordering::SeqCst);
        self.reading.end();
    }
}

impl Delivered {
    fn parse(line: &str) -> Self {
        let mut fields = line.splitn(5, ' ');
        let mut field = || fields.next().unwrap_or_default();
        Self {
            retained: field() == "1",
            topic: field().to_owned(),
            payload: bytes(field()),
            correlation: field().to_owned(),
            content_type: field().to_owned(),
        }
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    hex.as_bytes().chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}
