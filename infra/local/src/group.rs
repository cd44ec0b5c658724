//! Child processes that leave nothing behind.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};

/// A child in a process group of its own, so that a Ctrl-C in the terminal reaches only us. When this is dropped the
/// child and everything it has started are gone, not just told to go.
pub(crate) struct Group {
    child: Child,
    leader: Option<Pid>,
}

impl Group {
    /// Starts the command. Its standard streams are the caller's to choose.
    ///
    /// # Errors
    /// The program cannot be started.
    pub(crate) fn start(command: &mut Command) -> std::io::Result<Self> {
        let child = command.process_group(0).kill_on_drop(true).spawn()?;
        let leader = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        Ok(Self { child, leader })
    }

    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.child
    }
}

/// How long a killed process is waited for; the kernel needs a millisecond or two.
const LONGEST_DEATH: Duration = Duration::from_secs(2);

impl Drop for Group {
    fn drop(&mut self) {
        let Some(leader) = self.leader else { return };
        if matches!(self.child.try_wait(), Ok(None)) {
            // Only while the leader has not been reaped: afterwards its number may be somebody else's.
            let _ = kill_process_group(leader, Signal::KILL);
        }
        let step = Duration::from_millis(1);
        for _ in 0..LONGEST_DEATH.as_millis() {
            match self.child.try_wait() {
                Ok(None) => std::thread::sleep(step),
                _ => break,
            }
        }
    }
}
