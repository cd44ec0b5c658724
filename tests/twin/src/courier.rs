//! Makes a served twin's POSTs over sockets.

use std::time::{Duration, Instant};

use futures::future::join_all;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::push::{Outcome, Post};
use crate::serve::{Clock, Shared, State};

/// Looks again after so long even if nothing rang: the machine's clock may have been set.
const AT_LEAST: Duration = Duration::from_secs(60);

/// A client that follows no redirect and knows no proxy.
pub(crate) fn client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build()
}

/// Makes POSTs as they fall due.
pub(crate) struct Courier {
    shared: Shared,
    calls: JoinSet<()>,
}

impl Courier {
    pub(crate) fn new(shared: Shared) -> Courier {
        Courier { shared, calls: JoinSet::new() }
    }

    pub(crate) async fn run(mut self) {
        loop {
            let wait = self.post_due();
            tokio::select! {
                () = self.shared.bell.notified() => {}
                () = sleep(wait) => {}
                Some(_) = self.calls.join_next() => {}
            }
        }
    }

    /// Starts what is due, and says how long nothing else will be.
    fn post_due(&mut self) -> Duration {
        let (posts, wait) = {
            let State { twin, clock } = &mut *self.shared.lock();
            let now = clock.now();
            let posts = twin.due_posts(now);
            let next = twin.next_due().filter(|_| *clock == Clock::Real);
            (posts, next.map(|at| (at - now).to_std().unwrap_or_default()))
        };
        for post in posts {
            self.calls.spawn(deliver(self.shared.clone(), post));
        }
        // Timers are no finer than a millisecond.
        wait.map_or(AT_LEAST, |wait| (wait + Duration::from_millis(1)).min(AT_LEAST))
    }
}

async fn deliver(shared: Shared, post: Post) {
    let outcome = call(&shared.client, &post).await;
    let State { twin, clock } = &mut *shared.lock();
    twin.delivered(clock.now(), post.id, &outcome);
}

/// Makes several POSTs at once.
pub(crate) async fn call_all(client: &reqwest::Client, posts: &[Post]) -> Vec<Outcome> {
    join_all(posts.iter().map(|post| call(client, post))).await
}

async fn call(client: &reqwest::Client, post: &Post) -> Outcome {
    let began = Instant::now();
    let request = client.post(&post.url).header("content-type", post.content_type).body(post.body.clone());
    let exchange = async {
        let response = request.timeout(post.timeout).send().await?;
        let status = response.status().as_u16();
        let kind = response.headers().get("content-type").and_then(|value| value.to_str().ok());
        let content_type = kind.unwrap_or_default().to_owned();
        Ok::<_, reqwest::Error>((status, content_type, response.bytes().await?))
    };
    match exchange.await {
        Ok((status, content_type, body)) => {
            Outcome::Answered { status, content_type, body, took: began.elapsed() }
        }
        Err(_) => Outcome::Unanswered { took: began.elapsed() },
    }
}
