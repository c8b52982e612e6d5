//! The real program as a process: `edgeval run`, killed when the test ends, however it ends.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::wait_until;

/// The reference model, fed by its reference set as fast as it goes.
pub const REPLAY: [&str; 6] =
    ["--model", "models/zoo/av-digits", "--replay", "calibration/sets/av-digits", "--speed", "fastest"];

/// A running `edgeval run`.
pub struct Agent {
    process: Child,
    log: PathBuf,
    _own: TempDir,
}

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// The first samples of the reference set: each pass over them makes a report.
pub fn small_set() -> TempDir {
    let (whole, folder) = (root().join("calibration/sets/av-digits"), tempfile::tempdir().unwrap());
    let samples = std::fs::read_to_string(whole.join("samples.jsonl")).unwrap();
    let samples: Vec<&str> = samples.lines().take(20).collect();
    std::fs::write(folder.path().join("metadata.jsonl"), samples.join("\n")).unwrap();
    for sample in samples {
        let sample: Value = serde_json::from_str(sample).unwrap();
        for file in [&sample["image"], &sample["audio"]].map(|file| file.as_str().unwrap()) {
            std::fs::create_dir_all(folder.path().join(file).parent().unwrap()).unwrap();
            std::fs::copy(whole.join(file), folder.path().join(file)).unwrap();
        }
    }
    folder
}

/// When a folder last got a new file; the program keeps a full local report for each pass.
pub fn changed(folder: &Path) -> Option<std::time::SystemTime> {
    folder.metadata().ok()?.modified().ok()
}

impl Agent {
    /// Starts with a state of its own.
    pub fn start(url: &str, flags: &[&str], environment: &[(&str, &str)]) -> Self {
        let own = tempfile::tempdir().unwrap();
        let state = own.path().to_owned();
        Self::spawn(Command::new(env!("CARGO_BIN_EXE_edgeval")), &state, own, url, flags, environment)
    }

    /// Starts with the state in `state`, which stays.
    pub fn start_in(state: &Path, url: &str, flags: &[&str], environment: &[(&str, &str)]) -> Self {
        let own = tempfile::tempdir().unwrap();
        Self::spawn(Command::new(env!("CARGO_BIN_EXE_edgeval")), state, own, url, flags, environment)
    }

    /// Starts where no file may get larger than so many blocks of 512 bytes.
    pub fn start_with_small_files(
        state: &Path,
        blocks: u32,
        url: &str,
        flags: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        let mut command = Command::new("dash");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_edgeval")]);
        Self::spawn(command, state, tempfile::tempdir().unwrap(), url, flags, environment)
    }

    fn spawn(
        mut command: Command,
        state: &Path,
        own: TempDir,
        url: &str,
        flags: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        let log = own.path().join("log");
        let configuration: &[&str] = if flags.contains(&"--config") { &[] } else { &["--config", "/dev/null"] };
        let process = command
            .args(["run", "--broker", url])
            .args(configuration)
            .args(flags)
            .current_dir(root())
            .env("EDGEVAL_DEVICE__GROUP", "test")
            .env("EDGEVAL_DEVICE__NAME", "agent")
            .env("EDGEVAL_DEVICE__STATE_DIRECTORY", state)
            .envs(environment.iter().copied())
            .stderr(std::fs::File::create(&log).unwrap())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self { process, log, _own: own }
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Sends it a signal, such as `HUP`.
    pub fn signal(&self, name: &str) {
        let (name, pid) = (format!("-{name}"), self.process.id().to_string());
        assert!(Command::new("kill").args([&name, &pid]).status().unwrap().success());
    }

    /// As systemd stops it.
    pub fn terminate(&mut self) {
        self.signal("TERM");
    }

    /// As a power cut ends it, but for what the kernel holds.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Waits for its end and gives its exit status.
    pub fn wait(&mut self) -> i32 {
        let mut status = None;
        wait_until("the agent's end", || {
            status = self.process.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap().code().unwrap_or(-1)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
