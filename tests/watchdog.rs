//! What the daemon tells systemd, heard at a socket of the test's own: an inference that hangs is silence, a dead camera isn't.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    unused_imports,
    reason = "a test that can't go on fails; support is shared"
)]

mod support;

use std::io::{BufRead, BufReader, ErrorKind};
use std::os::unix::net::UnixDatagram;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::{Agent, Broker, PATIENCE, REPLAY, Subscriber, root};
use tempfile::TempDir;

/// After so long without a word systemd ends a daemon (WatchdogSec).
const WATCHDOG: Duration = Duration::from_secs(4);
const ALIVE: &str = "WATCHDOG=1";

/// Hears what a daemon says, as systemd does (sd_notify(3)).
struct Listener {
    socket: UnixDatagram,
    folder: TempDir,
}

impl Listener {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        Self { socket, folder }
    }

    /// Starts a daemon with what a unit of `Type=notify` and a `WatchdogSec` gives it.
    fn start(&self, url: &str, flags: &[&str], environment: &[(&str, &str)]) -> Agent {
        let (socket, watchdog) = (self.folder.path().join("notify"), WATCHDOG.as_micros().to_string());
        let systemd = [("NOTIFY_SOCKET", socket.to_str().unwrap()), ("WATCHDOG_USEC", watchdog.as_str())];
        let agent = Agent::start(url, flags, &[&systemd, environment].concat());
        assert!(self.hears("READY=1", PATIENCE), "{}", agent.log());
        agent
    }

    /// Whether this line is said within so long.
    fn hears(&self, line: &str, within: Duration) -> bool {
        let deadline = Instant::now() + within;
        let mut bytes = [0; 4096];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            self.socket.set_read_timeout(Some(left)).unwrap();
            match self.socket.recv(&mut bytes) {
                Ok(length) if String::from_utf8_lossy(&bytes[..length]).lines().any(|said| said == line) => {
                    return true;
                }
                Ok(_) => {}
                Err(error) if [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&error.kind()) => return false,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Lets go what was said and not yet heard.
    fn forget(&self) {
        self.socket.set_nonblocking(true).unwrap();
        while self.socket.recv(&mut [0; 4096]).is_ok() {}
        self.socket.set_nonblocking(false).unwrap();
    }

    /// Three signs of life, none later than systemd waits.
    fn hears_life(&self) -> bool {
        (0..3).all(|_| self.hears(ALIVE, WATCHDOG))
    }
}

/// A thread that stands still while the rest of its process goes on.
struct Held {
    holder: Child,
    hold: Option<ChildStdin>,
}

impl Held {
    /// Stops a thread; says why that can't be done.
    fn hold(thread: u32) -> Result<Self, String> {
        let mut holder = Command::new("python3")
            .arg(root().join("tests/support/hold_thread.py"))
            .arg(thread.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut said).unwrap();
        if said == "held\n" {
            return Ok(Self { hold: holder.stdin.take(), holder });
        }
        Err(String::from_utf8_lossy(&holder.wait_with_output().unwrap().stderr).trim().to_owned())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        drop(self.hold.take());
        let _ = self.holder.wait();
    }
}

/// The thread of a process that has this name, which no other one has.
fn thread(process: u32, name: &str) -> u32 {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).unwrap().map(|task| task.unwrap().path());
    let named: Vec<_> =
        tasks.filter(|task| std::fs::read_to_string(task.join("comm")).is_ok_and(|comm| comm.trim() == name)).collect();
    assert_eq!(named.len(), 1, "threads named {name}: {named:?}");
    named[0].file_name().unwrap().to_str().unwrap().parse().unwrap()
}

fn live(subscriber: &Subscriber, what: &str, is_it: impl Fn(&Value) -> bool) {
    let before = subscriber.messages().len();
    support::wait_until(what, || {
        let messages = subscriber.messages();
        let mut live = messages[before..].iter().filter(|message| message.topic.ends_with("/live"));
        live.any(|message| is_it(&serde_json::from_slice(&message.payload).unwrap()))
    });
}

fn windows_flow(live: &Value) -> bool {
    live["windows"].as_u64() > Some(0)
}

/// Whether the daemon answers over MQTT, which another thread does.
fn answers(broker: &Broker) -> bool {
    let mut command = Command::new(env!("CARGO_BIN_EXE_edgeval"));
    command.args(["command", "status", "--to", "test/agent", "--broker", &broker.url(), "--config", "/dev/null"]);
    command.args(["--wait", "30s"]).stdout(Stdio::null()).status().unwrap().success()
}

#[test]
fn an_inference_that_hangs_is_silence() {
    let (broker, systemd) = (Broker::start(""), Listener::new());
    let subscriber = Subscriber::start(&broker, "reader", "edgeval/#");
    let flags = [&REPLAY[..4], &["--passes", "0"]].concat();
    let agent = systemd.start(&broker.url(), &flags, &[]);
    live(&subscriber, "windows flow", windows_flow);
    systemd.forget();
    assert!(systemd.hears_life(), "{}", agent.log());

    // The first thread infers; the others are named for what they do.
    let held = match Held::hold(thread(agent.id(), "edgeval")) {
        Ok(held) => held,
        Err(reason) => return println!("SKIPPED: no thread can be stopped here ({reason}); ptrace must be permitted"),
    };
    systemd.forget();
    let stood = Instant::now();
    assert!(answers(&broker), "the rest of the daemon goes on: {}", agent.log());
    assert!(
        !systemd.hears(ALIVE, (WATCHDOG * 3 / 2).saturating_sub(stood.elapsed())),
        "a sign of life without inference"
    );
    assert!(stood.elapsed() > WATCHDOG);

    drop(held);
    assert!(systemd.hears_life(), "it goes on: {}", agent.log());
    live(&subscriber, "windows flow again", windows_flow);
}

#[test]
fn a_dead_camera_is_no_silence() {
    // One that is away, and a program's that wrote one frame of 32×24 and hangs.
    let missing = [("EDGEVAL_CAPTURE__CAMERA__DEVICE", "/dev/no-such-camera")];
    let stuck = [
        ("EDGEVAL_CAPTURE__CAMERA__SOURCE", "command"),
        ("EDGEVAL_CAPTURE__CAMERA__COMMAND", r#"["dash", "-c", "head -c 768 /dev/zero; exec sleep 1000"]"#),
        ("EDGEVAL_CAPTURE__CAMERA__TIME_OUT_S", "1"),
        ("EDGEVAL_CAPTURE__CAMERA__FORMAT", "GREY"),
        ("EDGEVAL_CAPTURE__CAMERA__WIDTH", "32"),
        ("EDGEVAL_CAPTURE__CAMERA__HEIGHT", "24"),
    ];
    for camera in [&missing[..], &stuck] {
        let (broker, systemd) = (Broker::start(""), Listener::new());
        let subscriber = Subscriber::start(&broker, "reader", "edgeval/#");
        let environment = [camera, &[("EDGEVAL_CAPTURE__MICROPHONE__DEVICE", "no-such-microphone")]].concat();
        let agent = systemd.start(&broker.url(), &REPLAY[..2], &environment);
        live(&subscriber, "it is missed", |live| live["camera"]["value"]["reason"].is_string());
        systemd.forget();
        let heard = Instant::now();
        while heard.elapsed() < WATCHDOG * 3 / 2 {
            assert!(systemd.hears(ALIVE, WATCHDOG), "{}", agent.log());
        }
    }
}
