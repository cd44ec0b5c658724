//! The twin as a transport: requests are answered in the same process, faults of delivery included.

use bytes::Bytes;
use http::{Request, Response};
use roomsync_graph::{TIMEOUT, Transport, TransportError};
use roomsync_ports::Clock;
use roomsync_testkit::TestClock;
use roomsync_twin::{Delivery, Twin};
use std::cell::RefCell;
use std::rc::Rc;

/// The twin as a transport.
#[derive(Debug, Clone)]
pub struct InProcess {
    twin: Rc<RefCell<Twin>>,
    clock: TestClock,
}

impl InProcess {
    /// Answers from a twin, at the time of a clock.
    #[must_use]
    pub fn new(twin: Rc<RefCell<Twin>>, clock: TestClock) -> Self {
        Self { twin, clock }
    }
}

impl Transport for InProcess {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let mut twin = self.twin.borrow_mut();
        let lane = twin.begin(&request);
        let answer = twin.handle(self.clock.now(), &request);
        twin.end(&lane);
        match answer.delivery {
            Delivery::Normal => Ok(answer.response),
            Delivery::Delay(by) if by < TIMEOUT => Ok(answer.response),
            Delivery::Delay(_) | Delivery::DropAfterEffect | Delivery::DropBeforeEffect => {
                Err(TransportError::Timeout)
            }
            Delivery::ResetMidBody => Err(TransportError::Cut),
        }
    }
}
