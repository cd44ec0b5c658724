//! A link leads to the mailbox that was asked or nowhere: not one request leaves, not even for a token.

use crate::support::*;
use proptest::prelude::*;
use roomsync_domain::cursor::DeltaLink;
use roomsync_graph::{Endpoints, GraphClient, Options};
use roomsync_ports::{Calendar, DeltaFrom, Graph, GraphError};

fn follow(link: &str) -> (Result<(), GraphError>, usize) {
    let world = World::default();
    world.network.answers(ok(format!(
        r#"{{"value":[],"@odata.deltaLink":"https://graph.microsoft.com/v1.0/users/{ROOM}/calendarView/delta?x"}}"#
    )));
    let graph = world.tenant();
    let room = room();
    let link = DeltaLink::new(link);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let result = runtime.block_on(graph.delta(&room, DeltaFrom::Link(&link, None)));
    let requests = world.network.graph_requests().len() + world.network.login_requests().len();
    (result.map(drop), requests)
}

const TAIL: &str = "/calendarView/delta?$deltatoken=abc";

#[test]
fn every_spelling_of_our_own_mailbox() {
    let upper = ROOM.to_ascii_uppercase();
    for link in [
        format!("https://graph.microsoft.com/v1.0/users/{ROOM}{TAIL}"),
        format!("https://GRAPH.microsoft.com/v1.0/users/{upper}{TAIL}"),
        format!("https://graph.microsoft.com:443/v1.0/users/{ROOM}{TAIL}"),
        format!("https://graph.microsoft.com/v1.0/Users('{ROOM}'){TAIL}"),
        format!("https://graph.microsoft.com/v1.0/users(%27{ROOM}%27)/calendarview/delta()?$skiptoken=x"),
        format!("https://graph.microsoft.com/v1.0/users('{ROOM}@{TENANT}'){TAIL}"),
        format!("https://graph.microsoft.com/v1.0/users/{ROOM}%40{TENANT}{TAIL}"),
        format!(
            "https://graph.microsoft.com/v1.0/users/{ROOM}/calendarView/microsoft.graph.delta()?$skiptoken=x"
        ),
        format!(
            "https://graph.microsoft.com/v1.0/users/{ROOM}/calendarView/microsoft.graph.delta?$skiptoken=x"
        ),
    ] {
        let (result, requests) = follow(&link);
        assert!(result.is_ok(), "{link}: {result:?}");
        assert_eq!(requests, 2, "a token and the page");
    }
}

#[test]
fn links_that_lead_elsewhere() {
    let other = "3f0c1d52-7a1b-4a59-9d0e-0c5c1b8f6a02";
    let elsewhere = "11111111-6d4d-4958-8b9f-9d6445542f95";
    let mine = format!("/v1.0/users/{ROOM}{TAIL}");
    let graph = "https://graph.microsoft.com";
    for link in [
        format!("https://graph.microsoft.com@evil.example{mine}"),
        format!("https://graph.microsoft.com:443@evil.example{mine}"),
        format!("https://user:word@graph.microsoft.com{mine}"),
        format!("https://graph.microsoft.com.evil.example{mine}"),
        format!("https://graph.microsoft.com%2eevil.example{mine}"),
        format!("https://graph.microsoft.com\\@evil.example{mine}"),
        format!("https:\\\\evil.example{mine}"),
        format!("https://evil.example/{graph}{mine}"),
        format!("https://evil.example{mine}"),
        format!("https://graph.micr\u{43e}soft.com{mine}"),
        format!("https://graph\u{3002}microsoft.com{mine}"),
        format!("https://xn--graph-microsoft.com{mine}"),
        format!("https://graph.microsoft.us{mine}"),
        format!("https://graph.microsoft.com:8443{mine}"),
        format!("https://graph.microsoft.com:4430{mine}"),
        format!("http://graph.microsoft.com{mine}"),
        format!("ftp://graph.microsoft.com{mine}"),
        format!("//graph.microsoft.com{mine}"),
        mine.clone(),
        format!(" {graph}{mine}"),
        format!("{graph}\t{mine}"),
        format!("{graph}{mine}\r\nx: y"),
        format!("{graph}{mine}\u{e9}"),
        format!("{graph}{mine} "),
        format!("{graph}{mine}#fragment"),
        format!("{graph}/{mine}"),
        format!("{graph}/beta/users/{ROOM}{TAIL}"),
        format!("{graph}/v1.0/users/{other}{TAIL}"),
        format!("{graph}/v1.0/users('{other}'){TAIL}"),
        format!("{graph}/v1.0/users/{ROOM}@{elsewhere}{TAIL}"),
        format!("{graph}/v1.0/users/{ROOM}@rooms.example{TAIL}"),
        format!("{graph}/v1.0/users/room@rooms.example{TAIL}"),
        format!("{graph}/v1.0/me{TAIL}"),
        format!("{graph}/v1.0/users/{ROOM}/../{other}{TAIL}"),
        format!("{graph}/v1.0/users/{ROOM}/%2e%2e/{other}{TAIL}"),
        format!("{graph}/v1.0/users/{ROOM}%2f..%2f{other}{TAIL}"),
        format!("{graph}/v1.0/users/{ROOM}//calendarView/delta?x"),
        format!("{graph}/v1.0/users/{ROOM}/calendarView%2Fdelta?x"),
        format!("{graph}/v1.0/users/%2533f0c1d52-7a1b-4a59-9d0e-0c5c1b8f6a01{TAIL}"),
        format!("{graph}/v1.0/users/{ROOM}/calendarView?x"),
        format!("{graph}/v1.0/users/{ROOM}/messages/delta?x"),
        format!("{graph}/v1.0/users/{ROOM}/calendarView/delta/x?y"),
        format!("{graph}/v1.0/users/{ROOM}/calendarView/delta()()?x"),
        format!("{graph}/v1.0/groups/{ROOM}{TAIL}"),
        format!("{graph}?{mine}"),
        graph.to_owned(),
        String::new(),
    ] {
        let (result, requests) = follow(&link);
        assert!(matches!(result, Err(GraphError::Contract(_))), "{link}: {result:?}");
        assert_eq!(requests, 0, "{link}");
    }
}

#[tokio::test]
async fn a_base_path_leads_every_call_and_every_link() {
    let base = "http://127.0.0.1:9000/graph";
    let delta = format!("/v1.0/users/{ROOM}{TAIL}");
    let endpoints = Endpoints::parse(&format!("{base}/v1.0/"), "http://127.0.0.1:9000/login/").unwrap();
    let world = World::default();
    let options = Options { endpoints: Some(endpoints), ..Options::default() };
    let client = GraphClient::new(&world.network, &world.safe, &world.clock, options);
    let graph = client.tenant(&config(TENANT));
    for link in [
        format!("http://127.0.0.1:9000{delta}"),
        format!("http://127.0.0.1:9000/graphs{delta}"),
        format!("http://127.0.0.1:9000/Graph{delta}"),
        format!("http://127.0.0.1:9000/login{delta}"),
        format!("{base}/..{delta}"),
        format!("{base}/graph{delta}"),
        format!("{base}/{delta}"),
        format!("{base}?{delta}"),
        format!("http://127.0.0.1:9000/%67raph{delta}"),
        format!("http://127.0.0.1:9001/graph{delta}"),
        format!("https://127.0.0.1:9000/graph{delta}"),
    ] {
        let result = graph.delta(&room(), DeltaFrom::Link(&DeltaLink::new(&link), None)).await;
        assert!(matches!(result, Err(GraphError::Contract(_))), "{link}: {result:?}");
        assert!(world.network.login_requests().is_empty(), "{link}");
    }
    let page = format!(r#"{{"value":[],"@odata.deltaLink":"{base}{delta}"}}"#);
    world.network.answers(ok(page.clone())).answers(ok(page));
    graph.delta(&room(), DeltaFrom::Start(week(), None)).await.unwrap();
    graph.delta(&room(), DeltaFrom::Link(&DeltaLink::new(format!("{base}{delta}")), None)).await.unwrap();
    let requests = world.network.graph_requests();
    assert_eq!(requests[0].uri().path(), format!("/graph/v1.0/users/{ROOM}/calendarView/delta"));
    assert_eq!(requests[1].uri().to_string(), format!("{base}{delta}"));
    let login = &world.network.login_requests()[0];
    assert_eq!(login.uri().to_string(), format!("http://127.0.0.1:9000/login/{TENANT}/oauth2/v2.0/token"));
    let form: Vec<_> = url::form_urlencoded::parse(login.body()).into_owned().collect();
    assert!(form.contains(&("scope".to_owned(), "http://127.0.0.1:9000/.default".to_owned())), "{form:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_between_scheme_and_path_changes_the_host(noise in "[!-~]{1,12}") {
        // What is left of a link after the host was changed: only another default port spelling may pass.
        for link in [
            format!("https://graph.microsoft.com{noise}/v1.0/users/{ROOM}{TAIL}"),
            format!("https://{noise}graph.microsoft.com/v1.0/users/{ROOM}{TAIL}"),
        ] {
            let (result, requests) = follow(&link);
            prop_assert!(noise == ":443" || (result.is_err() && requests == 0), "{}", link);
        }
    }

    #[test]
    fn no_other_text_names_our_mailbox(mailbox in "[!-~]{1,48}") {
        prop_assume!(!mailbox.eq_ignore_ascii_case(ROOM));
        let (result, requests) = follow(&format!("https://graph.microsoft.com/v1.0/users/{mailbox}{TAIL}"));
        prop_assert!(result.is_err() && requests == 0, "{}", mailbox);
    }

    #[test]
    fn no_link_is_too_odd_to_be_refused(link in ".*") {
        let (result, requests) = follow(&link);
        prop_assert!(result.is_err() && requests == 0);
    }
}
