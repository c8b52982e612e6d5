//! A program that edgeval starts and reads from. It ends with us: its group is ended when it is dropped, and the kernel
//! kills it when we are killed.

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{ChildStderr, ChildStdout, Command, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};

use super::last_words::LastWords;
use crate::clock::Moment;

/// How long [`Child::read`] waits at most.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
/// How often an ending program is looked at.
const LOOK_AT_END: Duration = Duration::from_millis(5);
/// How long a program that was asked to end has for it; a camera's daemon wants to be told goodbye.
const GRACE: Duration = Duration::from_secs(1);

/// A running program. Its standard input is empty.
#[derive(Debug)]
pub struct Child {
    process: std::process::Child,
    output: Option<ChildStdout>,
    errors: Option<ChildStderr>,
    last_words: LastWords,
    has_ended: bool,
}

/// What a read found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Got {
    /// So many bytes.
    Bytes(usize),
    /// Nothing yet.
    Nothing,
    /// The program closed its output; mostly, it has ended.
    End,
}

impl Child {
    /// Starts a program in a process group of its own. The thread that calls this must live as long as the program
    /// shall: the kernel kills it with the thread.
    ///
    /// # Errors
    /// In the system's words, when it can't be started.
    pub fn start(program: &str, arguments: &[String]) -> io::Result<Self> {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut process = ur_taking_me_with_you::spawn_dying_with_parent(command)?;
        let (output, errors) = (process.stdout.take(), process.stderr.take());
        Ok(Self { process, output, errors, last_words: LastWords::default(), has_ended: false })
    }

    /// The last lines that it wrote to standard error.
    #[must_use]
    pub const fn last_words(&self) -> &LastWords {
        &self.last_words
    }

    /// Reads what has come, and waits a moment for it. What comes on standard error is noted on the way.
    ///
    /// # Errors
    /// In the system's words.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<Got> {
        let Some(output) = &mut self.output else { return Ok(Got::End) };
        let (has_output, has_errors) = ready(output, self.errors.as_ref(), LOOK)?;
        if has_errors {
            self.listen();
        }
        let Some(output) = self.output.as_mut().filter(|_| has_output) else { return Ok(Got::Nothing) };
        Ok(match output.read(buffer)? {
            0 => Got::End,
            length => Got::Bytes(length),
        })
    }

    /// Notes a piece of standard error that is there.
    fn listen(&mut self) {
        let mut piece = [0; 4096];
        match self.errors.as_mut().map(|errors| errors.read(&mut piece)) {
            Some(Ok(length @ 1..)) => self.last_words.hear(piece.get(..length).unwrap_or_default()),
            _ => self.errors = None,
        }
    }

    /// Ends it and all that is in its group, and says how it ended. It may go by itself within `patience`; then it is
    /// asked to, and then killed.
    pub fn end(&mut self, patience: Duration) -> String {
        self.output = None;
        if !self.has_ended_within(patience) {
            self.signal(Signal::TERM);
            self.has_ended_within(GRACE);
        }
        // Not reaped yet, so its number can't be anybody else's.
        self.signal(Signal::KILL);
        self.has_ended = true;
        self.process.wait().map_or_else(|error| error.to_string(), |status| status.to_string())
    }

    fn group(&self) -> Option<Pid> {
        i32::try_from(self.process.id()).ok().and_then(Pid::from_raw)
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group() {
            // It fails when nobody is left.
            let _ = rustix::process::kill_process_group(group, signal);
        }
    }

    /// Waits for its end, without reaping it. Its last words are heard meanwhile.
    fn has_ended_within(&mut self, limit: Duration) -> bool {
        let began = Moment::now();
        let Some(process) = self.group() else { return true };
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        loop {
            // Whether it has ended is asked before it is listened to: then nothing that it said is missed.
            let has_ended = !matches!(rustix::process::waitid(WaitId::Pid(process), look), Ok(None));
            while self.errors.as_ref().is_some_and(has_something) && Moment::now().since(began) <= limit.max(GRACE) {
                self.listen();
            }
            if has_ended || Moment::now().since(began) >= limit {
                return has_ended;
            }
            std::thread::sleep(LOOK_AT_END);
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // After its end its number may be another's.
        if !self.has_ended {
            self.end(Duration::ZERO);
        }
    }
}

fn has_something(errors: &ChildStderr) -> bool {
    let mut watched = [PollFd::new(errors, PollFlags::IN)];
    matches!(rustix::event::poll(&mut watched, Some(&Timespec::default())), Ok(1..))
}

/// Waits until there is output or errors to read, or one of them has ended.
fn ready(output: &ChildStdout, errors: Option<&ChildStderr>, limit: Timespec) -> io::Result<(bool, bool)> {
    // A descriptor that is watched twice costs nothing, and saves a second shape of this.
    let second = errors.map_or_else(|| output.as_fd(), AsFd::as_fd);
    let mut watched = [PollFd::new(output, PollFlags::IN), PollFd::from_borrowed_fd(second, PollFlags::IN)];
    match rustix::event::poll(&mut watched, Some(&limit)) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    let [has_output, has_errors] = watched.map(|each| !each.revents().is_empty());
    Ok((has_output, errors.is_some() && has_errors))
}
