use roomsync_domain::Instant;
use roomsync_ports::Clock;

/// The clock of this machine.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "this is the adapter behind the Clock port")]
    fn now(&self) -> Instant {
        std::time::SystemTime::now().into()
    }
}
