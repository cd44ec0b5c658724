//! Files as operators write them, good and bad.

use proptest::prelude::*;
use roomsync_domain::tenant::{Match, Selection, Switch};
use roomsync_tenant_file::{parse, read};

const GOOD: &str = include_str!("contoso.yaml");

/// The good file with one line or part replaced.
fn with(old: &str, new: &str) -> String {
    assert!(GOOD.contains(old), "the good file has no `{old}`");
    GOOD.replacen(old, new, 1)
}

/// Line, key and a part of the text of each problem.
fn problems(text: &str) -> Vec<(u64, String, String)> {
    let problems = parse(text).expect_err("a bad file");
    problems.problems().iter().map(|p| (p.line, p.key.clone(), p.text.clone())).collect()
}

#[test]
fn the_file_of_the_contract_is_read() {
    let config = parse(GOOD).expect("a good file");
    assert_eq!(config.name, "Contoso");
    assert_eq!(config.rooms.select, Selection::All);
    assert_eq!(config.fields.custom["costCentre"], "extensionAttribute1");
    assert_eq!((config.listener, config.writes), (Switch::On, Switch::On));
    assert_eq!((config.poll.every.seconds, config.poll.when_listening.seconds), (120, 600));
    assert_eq!(config.locations[0].place, Match::Building("Lyon".into()));
    assert_eq!(config.locations[0].writes, Some(Switch::Off));
    let secret = config.credential.secret.expect("a secret");
    assert_eq!((secret.name.as_str(), secret.expires), ("roomsync/contoso", "2027-05-01".parse().ok()));
}

#[test]
fn what_may_be_left_out_may_be_left_out() {
    let short = "tenant: 84bd8158-6d4d-4958-8b9f-9d6445542f95\nname: Contoso\ncredential:\n  client_id: \
                 5c8bd1d8-0f0c-4f6e-9d1a-6f2a33f5f9b0\n  certificate: {name: roomsync/cert}\nrooms: {select: {lists: \
                 [hq@contoso.example]}}\ntime_zone: Europe/Paris\n";
    let config = parse(short).expect("a short file");
    assert_eq!((config.window.past_days, config.window.future_days), (1, 180));
}

/// Part of the good file, what replaces it, and what is said of it.
const BAD: &[(&str, &str, u64, &str, &str)] = &[
    // Unknown keys.
    ("name: Contoso", "name: Contoso\nnmae: Contoso", 3, "nmae", "is no key here, expected `tenant`, `name`"),
    (
        "expires: 2027-05-01",
        "expire: 2027-05-01",
        6,
        "credential.secret.expire",
        "expected `name` or `expires`",
    ),
    ("select: all", "select: all\n  selct: all", 11, "rooms.selct", "expected `select`"),
    ("past_days: 1", "pastDays: 1", 17, "window.pastDays", "`past_days` or `future_days`"),
    ("    writes: off", "    wirtes: off\n    writes: off", 24, "locations[0].wirtes", "is no key here"),
    ("building: Lyon", "city: Lyon", 23, "locations[0].match", "`building: NAME` or `room: ADDRESS`"),
    (
        "select: all",
        "select: {list: [a@b.example]}",
        10,
        "rooms.select",
        "one of `lists`, `rooms`, `buildings`",
    ),
    // Wrong types and values.
    ("84bd8158-6d4d-4958-8b9f-9d6445542f95", "contoso", 1, "tenant", "a GUID such as"),
    ("name: Contoso", "name: 4711", 2, "name", "in quotes if it looks like a number, found the number 4711"),
    ("name: Contoso", "name: [Contoso]", 2, "name", "found a list"),
    ("cloud: global", "cloud: europe", 3, "cloud", "`gcc-high`, `dod` or `china`, found `europe`"),
    (
        "expires: 2027-05-01",
        "expires: soon",
        6,
        "credential.secret.expires",
        "a day such as 2027-05-01, found `soon`",
    ),
    ("expires: 2027-05-01", "expires: 2027-02-30", 6, "credential.secret.expires", "found `2027-02-30`"),
    ("access: application", "access: app", 7, "access", "`application` or `service-account`, found `app`"),
    ("select: all", "select: [all]", 10, "rooms.select", "found a list"),
    (
        "select: all",
        "select: {lists: hq@contoso.example}",
        10,
        "rooms.select.lists",
        "a list of e-mail addresses",
    ),
    ("equipment]", "equipment, colour]", 12, "fields.import[4]", "isWheelChairAccessible"),
    ("extensionAttribute1}", "[a]}", 14, "fields.custom.costCentre", "attribute of the directory"),
    ("time_zone: Europe/Paris", "time_zone: 1", 15, "time_zone", "a time zone such as Europe/Paris"),
    ("{past_days: 1, future_days: 180}", "[1, 180]", 17, "window", "expected a map with `past_days`"),
    ("past_days: 1", "past_days: -1", 17, "window.past_days", "a whole number of days, found the number -1"),
    ("past_days: 1", "past_days: one", 17, "window.past_days", "found `one`"),
    (
        "subject: unless-private",
        "subject: always",
        18,
        "privacy.subject",
        "`never` or `unless-private`, found `always`",
    ),
    ("listener: on", "listener: maybe", 19, "listener", "`on` or `off`, found `maybe`"),
    ("every: 2m", "every: 2", 21, "poll.every", "a time such as 30s, 2m or 1h, found the number 2"),
    ("every: 2m", "every: 2d", 21, "poll.every", "found `2d`"),
    ("every: 2m", "every: 0s", 21, "poll.every", "found `0s`"),
    ("every: 2m", "every: m\u{e9}", 21, "poll.every", "found `m\u{e9}`"),
    // Missing keys.
    (
        "tenant: 84bd8158-6d4d-4958-8b9f-9d6445542f95",
        "#",
        2,
        "tenant",
        "is missing, expected an Entra directory id",
    ),
    ("select: all", "{}", 9, "rooms.select", "is missing, expected `all` or"),
    ("time_zone: Europe/Paris", "#", 1, "time_zone", "is missing, expected a time zone"),
    (
        "name: roomsync/contoso, ",
        "",
        6,
        "credential.secret.name",
        "is missing, expected the name of an entry",
    ),
    (
        "match: {building: Lyon}\n    writes",
        "writes",
        23,
        "locations[0].match",
        "is missing, expected `building: NAME`",
    ),
    // Impossible combinations.
    (
        "secret: {",
        "certificate: {name: n}\n  secret: {",
        6,
        "credential.certificate",
        "either `secret` or `certificate`",
    ),
    ("secret: {name", "#", 4, "credential", "expected `secret` or `certificate`"),
    (
        "service_account: null",
        "service_account: a@contoso.example",
        8,
        "service_account",
        "`access` is `application`",
    ),
    ("access: application", "access: service-account", 7, "access", "must first be signed in"),
    (
        "occupant_visible: [capacity]",
        "occupant_visible: [capacity, label]",
        13,
        "fields.occupant_visible[1]",
        "`label` is not imported",
    ),
    (
        "extensionAttribute1}",
        "extensionAttribute16}",
        14,
        "fields.custom.costCentre",
        "extensionAttribute1 to 15",
    ),
    ("when_listening: 10m", "when_listening: 1m", 21, "poll.when_listening", "at least `poll.every`"),
    ("    writes: off", "", 23, "locations[0]", "`writes`, `listener` or `time_zone`"),
    ("select: all", "select: {rooms: [a@contoso.example, b]}", 10, "rooms.select.rooms[1]", "found `b`"),
    ("future_days: 180", "future_days: 2000", 17, "window.future_days", "1 to 1080"),
    (
        "client_id: 5c8bd1d8-0f0c-4f6e-9d1a-6f2a33f5f9b0",
        "client_id: 5c8b",
        5,
        "credential.client_id",
        "a GUID",
    ),
    // Unknown zones.
    ("time_zone: Europe/Paris", "time_zone: Europe/Lyon", 15, "time_zone", "`Europe/Lyon` is no time zone"),
    ("    writes: off", "    time_zone: Lyon Standard Time", 24, "locations[0].time_zone", "is no time zone"),
    // No YAML, or another document.
    ("name: Contoso", "name: Contoso\nname: Contoso", 3, "", "`name` stands twice"),
    ("name: Contoso", "name: [Contoso", 3, "", "expected YAML"),
    ("name: Contoso", "---\nname: Contoso", 3, "", "one YAML document"),
];

#[test]
fn every_bad_file_is_refused_with_line_key_and_expectation() {
    for (old, new, line, key, part) in BAD {
        let found = problems(&with(old, new));
        let [(at, name, text)] = found.as_slice() else { panic!("`{new}`: {found:?}") };
        assert_eq!((name.as_str(), at), (*key, line), "`{new}`: {text}");
        assert!(text.contains(part), "`{new}`: {text}");
    }
}

#[test]
fn all_problems_are_told_at_once_in_the_order_of_lines() {
    let text = "name: [1]\ncolour: red\ncredential: {client_id: x, secret: {nam: n}}\nrooms: {select: some}\nwindow: \
                {past_days: many, future_days: 9999}\npoll: {every: 5x, when_listening: 1m}\nlocations:\n  - writes: \
                perhaps\n  - match: {room: a@contoso.example}\n    time_zone: Nowhere\n";
    let found: Vec<(u64, String)> = problems(text).into_iter().map(|(line, key, _)| (line, key)).collect();
    let expected = [
        (1, "name"),
        (1, "tenant"),
        (1, "time_zone"),
        (2, "colour"),
        (3, "credential.client_id"),
        (3, "credential.secret.nam"),
        (3, "credential.secret.name"),
        (4, "rooms.select"),
        (5, "window.future_days"),
        (5, "window.past_days"),
        (6, "poll.every"),
        (6, "poll.when_listening"),
        (8, "locations[0].match"),
        (8, "locations[0].writes"),
        (10, "locations[1].time_zone"),
    ];
    assert_eq!(found, expected.map(|(line, key)| (line, key.to_owned())));
}

#[test]
fn what_is_no_map_is_refused() {
    for text in ["", "# nothing", "null", "4711", "[]", "- tenant: x", "tenant"] {
        let found = problems(text);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert!(found[0].2.contains("a map with the keys of a tenant file"), "{text}: {found:?}");
    }
}

#[test]
fn a_file_is_named_in_its_errors() {
    let missing = read("no/such/file.yaml".as_ref()).unwrap_err().to_string();
    assert!(missing.starts_with("no/such/file.yaml: cannot be read: "), "{missing}");
    let message = parse(&with("cloud: global", "cloud: mars")).unwrap_err().to_string();
    assert_eq!(
        message,
        "the tenant file: line 3: `cloud`: expected `global`, `gcc-high`, `dod` or `china`, found `mars`"
    );
}

#[test]
fn hostile_documents_are_refused_in_time() {
    let bomb = (0..30).fold("a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned(), |text, n| {
        let last = format!("*a{n},").repeat(9);
        format!("{text}a{0}: &a{0} [{last}]\n", n + 1)
    });
    for text in
        [bomb, "[".repeat(100_000), "{a: ".repeat(50_000), "- ".repeat(100_000), "x".repeat(2_000_000)]
    {
        assert!(parse(&text).is_err());
    }
}

/// Texts that look like tenant files: lines of the good one, cut, doubled, mixed with noise.
fn nearly() -> impl Strategy<Value = String> {
    let lines: Vec<&str> = GOOD.lines().collect();
    let line = prop_oneof![
        4 => proptest::sample::select(lines.clone()).prop_map(str::to_owned),
        2 => (proptest::sample::select(lines), 0_usize..60).prop_map(|(line, at)| line.chars().take(at).collect()),
        1 => "[ a-z:{}\\[\\]&*!|>'\"#,-]{0,20}",
    ];
    proptest::collection::vec(line, 0..25).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in ".{0,200}") {
        let _ = parse(&text);
    }

    #[test]
    fn nearly_good_files_are_read_or_refused_with_lines_inside(text in nearly()) {
        if let Err(problems) = parse(&text) {
            prop_assert!(!problems.problems().is_empty());
            let lines = text.lines().count() as u64 + 1;
            for problem in problems.problems() {
                prop_assert!(problem.line <= lines, "{problem}");
            }
        }
    }
}
