use crate::support::*;
use roomsync_domain::EventId;
use roomsync_domain::cursor::DeltaLink;
use roomsync_domain::delta::DeltaChange;
use roomsync_domain::entry::{EntryKind, Person, Response, Wanted, When};
use roomsync_ports::{Calendar, DeltaFrom, DeltaPage, GraphError, Next};

fn delta_link() -> String {
    format!("https://graph.microsoft.com/v1.0/users/{ROOM}/calendarView/delta?$deltatoken=Q1w2'e3%2B4")
}

async fn delta(reply: Reply) -> Result<DeltaPage, GraphError> {
    let world = World::default();
    world.network.answers(reply);
    world.tenant().delta(&room(), DeltaFrom::Link(&DeltaLink::new(delta_link()), None)).await
}

fn page(items: &str, links: &str) -> Reply {
    ok(format!(r#"{{"value":[{items}]{links}}}"#))
}

fn round() -> String {
    format!(r#","@odata.deltaLink":"{}""#, delta_link())
}

#[tokio::test]
async fn items_are_reduced_to_where_they_point() {
    let page = delta(fixture("delta_odd_items.json")).await.unwrap();
    let expected = [
        ("single-A=", DeltaChange::At(span("2026-02-09T20:30:00Z", "2026-02-09T21:00:00Z"))),
        ("stub-occurrence", DeltaChange::At(span("2026-02-10T09:00:00Z", "2026-02-10T09:30:00Z"))),
        ("master", DeltaChange::Master),
        ("gone", DeltaChange::Removed),
        ("moved-out", DeltaChange::Removed),
        ("windows-zone", DeltaChange::At(span("2026-07-01T07:00:00Z", "2026-07-01T08:00:00Z"))),
        ("unknown-zone", DeltaChange::Somewhere),
        ("no-times", DeltaChange::Somewhere),
        ("null-times", DeltaChange::Somewhere),
        ("odd-times", DeltaChange::Somewhere),
        ("unset-times", DeltaChange::Somewhere),
        ("unknown-type", DeltaChange::At(span("2026-02-11T08:00:00Z", "2026-02-11T08:15:00Z"))),
        ("single-A=", DeltaChange::At(span("2026-02-09T22:30:00Z", "2026-02-09T23:00:00Z"))),
    ];
    let found: Vec<_> = page.items.iter().map(|item| (item.id.as_str(), item.change)).collect();
    assert_eq!(found, expected);
    assert!(
        matches!(&page.next, Next::Page(link) if link.as_str().ends_with("$skiptoken=R0usmci39OQxqJrxK4"))
    );
    assert!(!format!("{page:?}").contains("Canary"));
}

#[tokio::test]
async fn an_empty_page_can_go_on() {
    let page = delta(fixture("delta_first_page_empty.json")).await.unwrap();
    assert!(page.items.is_empty());
    assert_eq!(page.fingerprint, None);
    assert!(matches!(page.next, Next::Page(_)));
}

#[tokio::test]
async fn a_fingerprint_knows_items_and_not_their_order() {
    let (a, b) = (r#"{"id":"a","@odata.etag":"1"}"#, r#"{"id":"b","@odata.etag":"1"}"#);
    let print = async |items: String| delta(page(&items, &round())).await.unwrap().fingerprint;
    let both = print(format!("{a},{b}")).await;
    assert!(both.is_some());
    assert_eq!(both, print(format!("{b},{a}")).await);
    for other in [
        a.to_owned(),
        format!("{a},{a}"),
        format!("{a},{b},{b}"),
        format!(r#"{a},{{"id":"b","@odata.etag":"2"}}"#),
        format!(r#"{a},{{"id":"b","@odata.etag":"1","@removed":{{"reason":"deleted"}}}}"#),
    ] {
        assert_ne!(both, print(other).await);
    }
}

#[tokio::test]
async fn a_round_asks_for_its_window_and_then_follows_links_to_the_letter() {
    let world = World::default();
    for _ in 0..4 {
        world.network.answers(page("", &round()));
    }
    let graph = world.tenant();
    graph.delta(&room(), DeltaFrom::Start(week(), Some(1000))).await.unwrap();
    let first = graph.delta(&room(), DeltaFrom::Start(week(), None)).await.unwrap();
    let Next::Round(link) = first.next else { panic!("the round is over") };
    graph.delta(&room(), DeltaFrom::Link(&link, None)).await.unwrap();
    graph.delta(&room(), DeltaFrom::Link(&link, Some(1000))).await.unwrap();
    let requests = world.network.graph_requests();
    assert_eq!(
        requests[0].uri().to_string(),
        format!(
            "https://graph.microsoft.com/v1.0/users/{ROOM}/calendarView/delta\
             ?startDateTime=2026-02-09T00:00:00Z&endDateTime=2026-02-16T00:00:00Z"
        )
    );
    assert_eq!(requests[2].uri().to_string(), delta_link());
    let prefer = r#"outlook.timezone="UTC", IdType="ImmutableId", outlook.body-content-type="text""#;
    let sizes = [1000, 500, 500, 1000];
    for (request, size) in requests.iter().zip(sizes) {
        assert_eq!(request.headers()["prefer"], format!("{prefer}, odata.maxpagesize={size}"));
        assert_eq!(bearer(request), "Bearer token-1");
        assert!(uuid::Uuid::try_parse(request.headers()["client-request-id"].to_str().unwrap()).is_ok());
    }
}

#[tokio::test]
async fn a_page_has_exactly_one_link_and_a_list() {
    let next = format!(r#","@odata.nextLink":"{}""#, delta_link());
    let table = [
        (page("", ""), "PageWithoutLink"),
        (page("", &format!("{next}{}", round())), "PageWithBothLinks"),
        (page(r#"{"type":"occurrence"}"#, &round()), "UnexpectedAnswer"),
        (page(r#"{"id":""}"#, &round()), "UnexpectedAnswer"),
        (ok(format!(r#"{{"value":null{}}}"#, round())), "UnexpectedAnswer"),
        (ok(format!(r#"{{"x":1{}}}"#, round())), "UnexpectedAnswer"),
        (ok(format!(r#"{{"value":[],"error":{{"code":"x"}}{}}}"#, round())), "UnexpectedAnswer"),
        (ok(r#"{"error":{"code":"ErrorInternalServerError"}}"#), "UnexpectedAnswer"),
        (page("", r#","@odata.deltaLink":"https://evil.example/v1.0/x""#), "LinkToAnotherHost"),
        (ok(""), "EmptyAnswer"),
        (ok("  \r\n"), "EmptyAnswer"),
        (ok("<html><body>Service</body></html>"), "AnswerIsNotJson"),
        (ok(r#"{"value":[{"id":"a","type":"#), "TruncatedAnswer"),
    ];
    for (reply, code) in table {
        match delta(reply).await {
            Err(GraphError::Contract(trace)) => {
                assert!(trace.code.starts_with(code), "{trace}, expected {code}");
                assert_eq!((trace.status, trace.request_id.as_str()), (Some(200), "req-1"));
            }
            other => panic!("{code}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn entries_of_every_kind() {
    let world = World::default();
    world.network.answers(fixture("view_odd_entries.json"));
    let page = world.tenant().view(&room(), week(), BOTH, None).await.unwrap();
    assert!(page.next.is_none());
    let find = |id: &str| page.entries.iter().find(|entry| entry.id.as_str() == id).unwrap();
    assert_eq!(page.entries.len(), 9, "the master is not among them");

    let normal = find("normal");
    assert_eq!(normal.when, When::Timed(span("2026-02-09T20:30:00Z", "2026-02-09T21:00:00Z")));
    assert_eq!(normal.subject.as_deref(), Some("Plan \"Q2\" über Brücken"));
    let ada = Person { name: Some("Ada Example".into()), email: Some("ada@rooms.example".into()) };
    assert_eq!(normal.organizer, Some(ada));
    assert_eq!((normal.kind, normal.private, normal.cancelled), (EntryKind::Single, false, false));
    assert_eq!((normal.series.as_ref(), normal.original_start), (None, None));
    assert_eq!(normal.made_in.as_deref(), Some("Romance Standard Time"));
    assert_eq!(normal.ical_uid.as_deref(), Some("040000008200E0"));
    assert_eq!((normal.response, normal.tentative), (Response::Settled, false));

    let all_day = find("all-day");
    assert_eq!(all_day.when, When::AllDay("2026-02-10".parse().unwrap(), "2026-02-12".parse().unwrap()));
    assert_eq!((&all_day.subject, &all_day.organizer), (&None, &None));

    let exception = find("exception");
    assert_eq!(exception.kind, EntryKind::Exception);
    assert_eq!(
        exception.when,
        When::Timed(span("2026-07-11T08:00:00Z", "2026-07-11T09:00:00Z")),
        "whole seconds"
    );
    assert_eq!(exception.series, Some(EventId::new("master")));
    assert_eq!(exception.original_start, Some(at("2026-02-11T08:00:00Z")));
    assert_eq!((exception.response, exception.tentative), (Response::Open, true));

    let cancelled = find("cancelled");
    assert_eq!((cancelled.kind, cancelled.cancelled), (EntryKind::Occurrence, true));
    assert_eq!(cancelled.response, Response::Declined);

    let unknown = find("unknown-everything");
    assert_eq!((unknown.kind, unknown.response), (EntryKind::Single, Response::Settled));
    assert_eq!((unknown.tentative, &unknown.organizer), (false, &None));
}

#[tokio::test]
async fn nothing_of_a_private_meeting_is_decoded() {
    let world = World::default();
    world.network.answers(fixture("view_odd_entries.json"));
    let page = world.tenant().view(&room(), week(), BOTH, None).await.unwrap();
    assert_eq!(page.entries.iter().filter(|entry| entry.private).count(), 4);
    assert!(page.entries.iter().filter(|entry| entry.private).all(|entry| entry.subject.is_none()));
    assert!(!format!("{page:?}").contains("Canary"));
}

#[tokio::test]
async fn what_policy_forbids_is_neither_asked_for_nor_taken() {
    let always = "id,type,seriesMasterId,originalStart,originalStartTimeZone,start,end,isAllDay,isCancelled,sensitivity,\
                  showAs,responseStatus,iCalUId";
    for (subject, organizer, more) in [
        (false, false, ""),
        (true, false, ",subject"),
        (false, true, ",organizer"),
        (true, true, ",subject,organizer"),
    ] {
        let world = World::default();
        world.network.answers(fixture("view_odd_entries.json"));
        let page = world.tenant().view(&room(), week(), Wanted { subject, organizer }, None).await.unwrap();
        assert_eq!(page.entries[0].subject.is_some(), subject);
        assert_eq!(page.entries[0].organizer.is_some(), organizer);
        let request = &world.network.graph_requests()[0];
        assert_eq!(
            request.uri().to_string(),
            format!(
                "https://graph.microsoft.com/v1.0/users/{ROOM}/calendarView?startDateTime=2026-02-09T00:00:00Z\
                 &endDateTime=2026-02-16T00:00:00Z&$select={always}{more}&$orderby=start/dateTime&$top=1000"
            )
        );
        assert_eq!(request.headers()["prefer"], r#"outlook.timezone="UTC", IdType="ImmutableId""#);
    }
}

#[tokio::test]
async fn one_unreadable_entry_makes_a_page_unusable() {
    let utc = |text: &str| format!(r#"{{"dateTime":"{text}","timeZone":"UTC"}}"#);
    let good = utc("2026-02-09T20:30:00.0000000");
    let custom = r#"{"dateTime":"2026-02-09T20:30:00.0000000","timeZone":"tzone://Microsoft/Custom"}"#;
    let table = [
        (format!(r#""start":{good}"#), "EventWithoutEnd"),
        (format!(r#""end":{good}"#), "EventWithoutStart"),
        (format!(r#""start":{},"end":{good}"#, utc("0001-01-01T00:00:00.0000000")), "EventStartUnreadable"),
        (format!(r#""start":{},"end":{good}"#, utc("2026-02-30T00:00:00")), "EventStartUnreadable"),
        (format!(r#""start":{good},"end":{custom}"#), "EventEndUnreadable"),
        (format!(r#""isAllDay":true,"start":{good},"end":{}"#, utc("tomorrow")), "EventEndUnreadable"),
        (format!(r#""isAllDay":"yes","start":{good},"end":{good}"#), "UnexpectedAnswer"),
        (format!(r#""id":"","start":{good},"end":{good}"#), "UnexpectedAnswer"),
    ];
    for (event, code) in table {
        let world = World::default();
        let whole = format!(r#"{{"id":"whole","start":{good},"end":{good}}}"#);
        world.network.answers(page(&format!(r#"{whole},{{"id":"odd",{event}}}"#), ""));
        match world.tenant().view(&room(), week(), BOTH, None).await {
            Err(GraphError::Contract(trace)) => {
                assert!(trace.code.starts_with(code), "{trace}, expected {code}")
            }
            other => panic!("{code}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_view_goes_on_behind_its_own_links_only() {
    let world = World::default();
    let next = format!("https://graph.microsoft.com/v1.0/users/{ROOM}/calendarView?$skip=1000");
    world.network.answers(page("", &format!(r#","@odata.nextLink":"{next}""#))).answers(empty_view());
    let graph = world.tenant();
    let first = graph.view(&room(), week(), BOTH, None).await.unwrap();
    let second = graph.view(&room(), week(), BOTH, first.next.as_ref()).await.unwrap();
    assert!(second.next.is_none());
    assert_eq!(world.network.graph_requests()[1].uri().to_string(), next);
    let delta = graph.view(&room(), week(), BOTH, Some(&DeltaLink::new(delta_link()))).await;
    assert!(matches!(delta, Err(GraphError::Contract(_))));
    assert_eq!(world.network.graph_requests().len(), 2);
    let stranger = next.replace(ROOM, TENANT);
    world.network.answers(page("", &format!(r#","@odata.nextLink":"{stranger}""#)));
    let error = graph.view(&room(), week(), BOTH, None).await.unwrap_err();
    assert!(error.to_string().contains("LinkToAnotherMailbox"), "{error}");
}

#[tokio::test]
async fn one_entry_by_its_id() {
    let event = r#"{"id":"AAMk-_=/+","type":"seriesMaster","sensitivity":"normal","subject":"Series",
        "start":{"dateTime":"2026-02-09T20:30:00.0000000","timeZone":"UTC"},"end":{"dateTime":"2026-02-09T21:30:00.0000000","timeZone":"UTC"}}"#;
    let world = World::default();
    world.network.answers(ok(event));
    let entry = world.tenant().entry(&room(), &EventId::new("AAMk-_=/+"), BOTH).await.unwrap().unwrap();
    assert_eq!((entry.kind, entry.subject.as_deref()), (EntryKind::Master, Some("Series")));
    let request = &world.network.graph_requests()[0];
    assert_eq!(request.uri().path(), format!("/v1.0/users/{ROOM}/events/AAMk-_%3D%2F%2B"));
    assert_eq!(request.headers()["prefer"], r#"outlook.timezone="UTC", IdType="ImmutableId""#);
}

#[tokio::test]
async fn an_entry_that_is_not_there_is_no_room_that_is_not_there() {
    let table = [
        ("ErrorItemNotFound", true),
        ("itemNotFound", true),
        ("NobodyKnowsThisCode", true),
        ("ErrorInvalidUser", false),
        ("errorInvalidUser", false),
        ("ResourceNotFound", false),
        ("MailboxNotEnabledForRESTAPI", false),
    ];
    for (code, absent) in table {
        let world = World::default();
        world.network.answers(error(404, code));
        match world.tenant().entry(&room(), &EventId::new("x"), BOTH).await {
            Ok(None) => assert!(absent, "{code}"),
            Err(GraphError::NotFound(trace)) => assert!(!absent && trace.code == code, "{code}"),
            other => panic!("{code}: {other:?}"),
        }
    }
    let world = World::default();
    world.network.answers(ok(r#"{"error":{"code":"ErrorItemNotFound"}}"#));
    let inside = world.tenant().entry(&room(), &EventId::new("x"), BOTH).await;
    assert!(matches!(inside, Err(GraphError::Contract(_))), "{inside:?}");
}
