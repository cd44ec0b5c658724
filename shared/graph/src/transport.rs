use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use std::time::Duration;
use thiserror::Error;

/// Name under which Graph sees us (`best-practices` page: name the product).
pub const USER_AGENT: &str = concat!("roomsync/", env!("CARGO_PKG_VERSION"));
/// From the first byte of a request to the last of its answer.
pub const TIMEOUT: Duration = Duration::from_secs(10);
/// Largest answer that is read, unpacked. A page can hold a whole series (microsoft-graph-docs#7352).
pub const BODY_LIMIT: usize = 64 << 20;
/// Unused connections to a host that are kept.
const IDLE_CONNECTIONS: usize = 8;

/// Carries one request to its host and brings the whole answer, of whatever status. Follows no redirect and retries nothing.
pub trait Transport {
    /// Sends a request with an absolute URI.
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError>;
}

impl<T: Transport + ?Sized> Transport for &T {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        (**self).send(request).await
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TransportError {
    /// None within [`TIMEOUT`].
    #[error("Timeout")]
    Timeout,
    /// The connection broke before the answer was whole.
    #[error("ConnectionCut")]
    Cut,
    /// More than [`BODY_LIMIT`].
    #[error("AnswerTooLarge")]
    TooLarge,
    /// No connection: name, network, TLS or port.
    #[error("Unreachable")]
    Unreachable,
}

/// The HTTP client cannot be built, for example because the machine has no root certificates.
#[derive(Debug, Error)]
#[error("the HTTP client cannot be built")]
pub struct SetupError(#[from] reqwest::Error);

/// HTTP with TLS, HTTP/2, gzip and a pool of connections. Takes no proxy from the environment.
#[derive(Clone)]
pub struct HttpTransport {
    client: reqwest::Client,
}

impl HttpTransport {
    /// A client with an empty pool.
    pub fn new() -> Result<Self, SetupError> {
        let client = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .no_proxy()
            .build()?;
        Ok(Self { client })
    }
}

impl Transport for HttpTransport {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let request = reqwest::Request::try_from(request).map_err(|_| TransportError::Unreachable)?;
        let mut response = self.client.execute(request).await.map_err(|error| failure(&error))?;
        let announced =
            response.content_length().map_or(0, |length| usize::try_from(length).unwrap_or(usize::MAX));
        if announced > BODY_LIMIT {
            return Err(TransportError::TooLarge);
        }
        let mut body = BytesMut::with_capacity(announced);
        while let Some(chunk) = response.chunk().await.map_err(|error| failure(&error))? {
            if body.len() + chunk.len() > BODY_LIMIT {
                return Err(TransportError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        let mut answer = Response::new(body.freeze());
        *answer.status_mut() = response.status();
        *answer.headers_mut() = std::mem::take(response.headers_mut());
        Ok(answer)
    }
}

fn failure(error: &reqwest::Error) -> TransportError {
    if error.is_timeout() {
        TransportError::Timeout
    } else if error.is_connect() {
        TransportError::Unreachable
    } else {
        TransportError::Cut
    }
}
