//! SDK errors by what the caller can do.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use roomsync_ports::StoreError;
use std::error::Error;

/// Codes after which the same call may succeed a little later (`CommonErrors`, `Programming.Errors` pages).
const BUSY: [&str; 9] = [
    "ThrottlingException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "TransactionInProgressException",
    "ItemCollectionSizeLimitExceededException",
    "InternalServerError",
    "ServiceUnavailable",
    "ThrottlingError",
    "ProvisionedThroughputExceeded",
];

/// Codes that say somebody else wrote first; in cancellation reasons they have no `Exception` at their end.
const CONFLICT: [&str; 4] = [
    "ConditionalCheckFailedException",
    "ConditionalCheckFailed",
    "TransactionConflictException",
    "TransactionConflict",
];

/// The meaning of an SDK error; `what` is the key that was asked for.
pub(crate) fn of<E>(what: &str, error: &SdkError<E>) -> StoreError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let text = format!("{what}: {}", chain(error));
    match error {
        SdkError::TimeoutError(_) | SdkError::ResponseError(_) => StoreError::Busy(text),
        SdkError::DispatchFailure(failure) if failure.is_io() || failure.is_timeout() => {
            StoreError::Busy(text)
        }
        // A proxy's answer has a status but no code.
        _ if error.raw_response().is_some_and(|answer| answer.status().is_server_error()) => {
            StoreError::Busy(text)
        }
        _ => of_code(error.code().unwrap_or_default(), text),
    }
}

/// The meaning of a transaction's error; `parts` are the names of its items, in order.
pub(crate) fn of_transaction(parts: &[String], error: &SdkError<TransactWriteItemsError>) -> StoreError {
    let all = parts.first().map_or("nothing", String::as_str);
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error()
    else {
        return of(all, error);
    };
    let reasons: Vec<(&str, String)> = cancelled
        .cancellation_reasons()
        .iter()
        .zip(parts)
        .filter_map(|(reason, part)| Some((reason.code()?, part, reason.message().unwrap_or_default())))
        .filter(|(code, ..)| *code != "None")
        .map(|(code, part, message)| (code, format!("{part} ({code}: {message})")))
        .collect();
    // A condition that does not hold stays so, whatever else was the matter.
    let first = reasons.iter().find(|(code, _)| CONFLICT.contains(code)).or(reasons.first());
    match first {
        Some((code, text)) => of_code(code, text.clone()),
        None => of(all, error),
    }
}

fn of_code(code: &str, text: String) -> StoreError {
    if CONFLICT.contains(&code) {
        StoreError::Conflict(text)
    } else if BUSY.contains(&code) {
        StoreError::Busy(text)
    } else {
        StoreError::Other(text)
    }
}

/// An error with all its sources: the SDK's own text says only `service error`.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let more = inner.to_string();
        if !text.ends_with(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        source = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_dynamodb::config::http::HttpResponse;
    use aws_sdk_dynamodb::error::ErrorMetadata;
    use aws_sdk_dynamodb::types::CancellationReason;
    use aws_sdk_dynamodb::types::error::TransactionCanceledException;

    fn answer(error: TransactWriteItemsError) -> SdkError<TransactWriteItemsError> {
        let raw = HttpResponse::new(400.try_into().unwrap(), "".into());
        SdkError::service_error(error, raw)
    }

    fn cancelled(codes: [&str; 3]) -> StoreError {
        let mut exception = TransactionCanceledException::builder();
        for code in codes {
            exception = exception.cancellation_reasons(CancellationReason::builder().code(code).build());
        }
        let error = answer(TransactWriteItemsError::TransactionCanceledException(exception.build()));
        of_transaction(&["cursor".into(), "first".into(), "second".into()], &error)
    }

    #[test]
    fn a_cancelled_transaction_names_the_item_that_was_in_the_way() {
        let error = cancelled(["None", "None", "ConditionalCheckFailed"]);
        assert!(matches!(&error, StoreError::Conflict(text) if text.starts_with("second")), "{error}");
        let error = cancelled(["None", "TransactionConflict", "None"]);
        assert!(matches!(&error, StoreError::Conflict(text) if text.starts_with("first")), "{error}");
        assert!(matches!(cancelled(["ThrottlingError", "None", "None"]), StoreError::Busy(_)));
        assert!(matches!(cancelled(["ProvisionedThroughputExceeded", "None", "None"]), StoreError::Busy(_)));
        assert!(matches!(cancelled(["ValidationError", "None", "None"]), StoreError::Other(_)));
    }

    #[test]
    fn a_lost_race_counts_more_than_a_busy_table() {
        assert!(matches!(
            cancelled(["ThrottlingError", "ConditionalCheckFailed", "None"]),
            StoreError::Conflict(_)
        ));
    }

    #[test]
    fn other_errors_keep_their_whole_chain() {
        let coded = |code: &str| {
            let metadata = ErrorMetadata::builder().code(code).message("the reason given").build();
            of("cursor", &answer(TransactWriteItemsError::generic(metadata)))
        };
        assert!(matches!(coded("ThrottlingException"), StoreError::Busy(_)));
        assert!(matches!(coded("TransactionConflictException"), StoreError::Conflict(_)));
        let error = coded("AccessDeniedException");
        assert!(
            matches!(&error, StoreError::Other(text) if text.starts_with("cursor: ") && text.contains("the reason given")),
            "{error}"
        );
    }
}
