use roomsync_domain::Instant;

/// The current time.
pub trait Clock {
    /// Now.
    fn now(&self) -> Instant;
}

impl<T: Clock + ?Sized> Clock for &T {
    fn now(&self) -> Instant {
        (**self).now()
    }
}
