use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::config::interceptors::{
    BeforeDeserializationInterceptorContextMut, BeforeTransmitInterceptorContextRef,
};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

/// Answers that a client gets instead of the real ones. The request is carried out all the same: what is lost is only the answer. One call at a time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answers {
    waiting: Arc<Mutex<VecDeque<Answer>>>,
    calls: Arc<Mutex<Vec<String>>>,
}

impl Answers {
    /// The next answer to this operation has this status and body.
    pub(crate) fn push(&self, operation: &'static str, status: u16, body: impl Into<String>) {
        self.waiting.lock().expect("a lock").push_back((operation, status, body.into()));
    }

    /// How often an operation was sent since the last time this was asked, attempts of the SDK counted.
    pub(crate) fn take_calls(&self, operation: &str) -> usize {
        std::mem::take(&mut *self.calls.lock().expect("a lock"))
            .iter()
            .filter(|call| *call == operation)
            .count()
    }
}

impl Intercept for Answers {
    fn name(&self) -> &'static str {
        "Answers"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let target = context.request().headers().get("x-amz-target").ok_or("a target")?;
        let operation = target.rsplit('.').next().unwrap_or_default();
        self.calls.lock().expect("a lock").push(operation.to_owned());
        Ok(())
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let sent = self.calls.lock().expect("a lock").last().cloned();
        let mut waiting = self.waiting.lock().expect("a lock");
        if let Some((_, status, body)) = waiting.pop_front_if(|(wanted, ..)| Some(*wanted) == sent.as_deref())
        {
            *context.response_mut() = HttpResponse::new(status.try_into()?, body.into());
        }
        Ok(())
    }
}

/// Operation, status and body.
type Answer = (&'static str, u16, String);
