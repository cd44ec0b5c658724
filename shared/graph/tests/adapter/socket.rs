//! The real transport against a server on this machine.

use crate::support::{HandClock, ROOM, Safe, TENANT, config, room, week};
use bytes::Bytes;
use roomsync_domain::entry::Wanted;
use roomsync_graph::{Endpoints, GraphClient, HttpTransport, Options, Transport, TransportError, USER_AGENT};
use roomsync_ports::{Calendar, Graph};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Answers every connection with the next text and gives back what it was asked.
async fn serve(listener: TcpListener, answers: Vec<String>) -> Vec<String> {
    let mut asked = Vec::new();
    for answer in answers {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let read = stream.read(&mut buffer).await.unwrap();
            request.extend_from_slice(&buffer[..read]);
            let text = String::from_utf8_lossy(&request);
            if read == 0
                || text.contains("\r\n\r\n")
                    && (text.starts_with("GET") || text.contains("client_credentials"))
            {
                break;
            }
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        asked.push(String::from_utf8(request).unwrap());
    }
    asked
}

fn answer(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    (listener, origin)
}

#[tokio::test]
async fn a_call_over_a_socket() {
    let (listener, origin) = listen().await;
    let token = r#"{"token_type":"Bearer","expires_in":3599,"access_token":"abc"}"#;
    let server = serve(listener, vec![answer(token), answer(r#"{"value":[]}"#)]);
    let options =
        Options { endpoints: Some(Endpoints::parse(&origin, &origin).unwrap()), ..Options::default() };
    let client =
        GraphClient::new(HttpTransport::new().unwrap(), Safe::default(), HandClock::default(), options);
    let graph = client.tenant(&config(TENANT));
    let room = room();
    let wanted = Wanted { subject: false, organizer: false };
    let (asked, page) = tokio::join!(server, graph.view(&room, week(), wanted, None));
    assert!(page.unwrap().entries.is_empty());
    assert!(asked[0].starts_with(&format!("POST /{TENANT}/oauth2/v2.0/token HTTP/1.1\r\n")));
    assert!(asked[1].starts_with(&format!("GET /v1.0/users/{ROOM}/calendarView?startDateTime=")));
    for header in ["authorization: Bearer abc", &format!("user-agent: {USER_AGENT}"), "accept-encoding: gzip"]
    {
        assert!(asked[1].contains(header), "{header} in {}", asked[1]);
    }
}

async fn get(raw: String) -> Result<http::Response<Bytes>, TransportError> {
    let (listener, origin) = listen().await;
    let transport = HttpTransport::new().unwrap();
    let request = http::Request::builder().uri(format!("{origin}/v1.0/x")).body(Bytes::new()).unwrap();
    let (_, answer) = tokio::join!(serve(listener, vec![raw]), transport.send(request));
    answer
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    let redirect = "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
    assert_eq!(get(redirect.to_owned()).await.unwrap().status(), 302);
}

#[tokio::test]
async fn answers_that_do_not_arrive() {
    let cut = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\nconnection: close\r\n\r\n{\"value\":[";
    assert_eq!(get(cut.to_owned()).await.unwrap_err(), TransportError::Cut);
    let large = "HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n";
    assert_eq!(get(large.to_owned()).await.unwrap_err(), TransportError::TooLarge);
    let (listener, origin) = listen().await;
    drop(listener);
    let request = http::Request::builder().uri(origin).body(Bytes::new()).unwrap();
    assert_eq!(HttpTransport::new().unwrap().send(request).await.unwrap_err(), TransportError::Unreachable);
}

#[tokio::test]
async fn an_answer_of_unknown_length_is_read_up_to_the_limit() {
    let (listener, origin) = listen().await;
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 4096]).await.unwrap();
        let head = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
        stream.write_all(head).await.unwrap();
        let chunk = vec![b' '; 1 << 20];
        // The reader hangs up when it has had enough.
        while stream.write_all(&chunk).await.is_ok() {}
    };
    let transport = HttpTransport::new().unwrap();
    let request = http::Request::builder().uri(origin).body(Bytes::new()).unwrap();
    let ((), answer) = tokio::join!(server, transport.send(request));
    assert_eq!(answer.unwrap_err(), TransportError::TooLarge);
}

/// Callers may hand a call to another thread.
#[test]
fn calls_can_be_sent() {
    fn is_send<T: Send>(_: &T) {}
    let client = GraphClient::new(HttpTransport::new().unwrap(), SilentSafe, &CLOCK, Options::default());
    let graph = client.tenant(&config(TENANT));
    let room = room();
    is_send(&graph.entry(
        &room,
        &roomsync_domain::EventId::new("e"),
        Wanted { subject: true, organizer: true },
    ));
}

struct SilentSafe;

impl roomsync_ports::Secrets for SilentSafe {
    async fn read(&self, name: &str) -> Result<roomsync_ports::Secret, roomsync_ports::SecretError> {
        Err(roomsync_ports::SecretError::Missing(name.to_owned()))
    }

    async fn read_previous(
        &self,
        _: &str,
    ) -> Result<Option<roomsync_ports::Secret>, roomsync_ports::SecretError> {
        Ok(None)
    }
}

struct FixedClock;

static CLOCK: FixedClock = FixedClock;

impl roomsync_ports::Clock for FixedClock {
    fn now(&self) -> roomsync_domain::Instant {
        roomsync_domain::Instant::UNIX_EPOCH
    }
}
