//! The twin as a transport: requests are answered in the same process, faults of delivery included.

use crate::webhook::Webhook;
use bytes::Bytes;
use http::{Request, Response};
use roomsync_graph::{TIMEOUT, Transport, TransportError};
use roomsync_ports::Clock;
use roomsync_testkit::TestClock;
use roomsync_twin::{Delivery, Twin};
use std::cell::RefCell;
use std::rc::Rc;

/// The twin as a transport.
#[derive(Clone)]
pub struct InProcess {
    twin: Rc<RefCell<Twin>>,
    clock: TestClock,
    webhook: Webhook,
}

impl InProcess {
    /// Answers from a twin, at the time of a clock. Handshakes go to the webhook.
    #[must_use]
    pub fn new(twin: Rc<RefCell<Twin>>, clock: TestClock, webhook: Webhook) -> Self {
        Self { twin, clock, webhook }
    }
}

impl Transport for InProcess {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let lane = self.twin.borrow_mut().begin(&request);
        let mut answer = self.twin.borrow_mut().handle(self.clock.now(), &request);
        if let Some(handshake) = answer.handshake.take() {
            let mut outcomes = Vec::new();
            for post in &handshake.posts {
                outcomes.push(self.webhook.call(post).await);
            }
            answer = self.twin.borrow_mut().finish(self.clock.now(), handshake, &outcomes);
        }
        self.twin.borrow_mut().end(&lane);
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
