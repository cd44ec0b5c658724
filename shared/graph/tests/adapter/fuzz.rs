//! Whatever the network brings: an answer or an error, never a panic, and never an empty answer out of noise.

use crate::support::*;
use proptest::prelude::*;
use roomsync_domain::EventId;
use roomsync_domain::cursor::DeltaLink;
use roomsync_ports::{Calendar, DeltaFrom, Directory};

fn run<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn ask_everything(status: u16, body: &[u8]) -> [bool; 5] {
    let world = World::default();
    let answer = || reply(status, &[], body.to_vec());
    let link = DeltaLink::new(format!(
        "https://graph.microsoft.com/v1.0/users/{ROOM}/calendarView/delta?$deltatoken=x"
    ));
    let graph = world.tenant();
    let room = room();
    run(async {
        for _ in 0..8 {
            world.network.answers(answer());
        }
        [
            graph.delta(&room, DeltaFrom::Link(&link, None)).await.is_ok(),
            graph.view(&room, week(), BOTH, None).await.is_ok(),
            graph.entry(&room, &EventId::new("e"), BOTH).await.is_ok_and(|entry| entry.is_some()),
            graph.rooms().await.is_ok(),
            graph.user(ROOM, &["department"]).await.is_ok_and(|user| user.is_some()),
        ]
    })
}

/// A whole answer with some bytes cut out or put in.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let files = prop::sample::select(vec![
        "delta_odd_items.json",
        "view_odd_entries.json",
        "places_two_shapes.json",
        "user_with_attributes.json",
    ]);
    (files, any::<prop::sample::Index>(), 0_usize..8, prop::collection::vec(any::<u8>(), 0..4)).prop_map(
        |(file, place, cut, put)| {
            let mut body = fixture(file).unwrap().into_body().to_vec();
            let from = place.index(body.len());
            let to = (from + cut).min(body.len());
            body.splice(from..to, put);
            body
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn noise_is_never_an_answer(body in prop::collection::vec(any::<u8>(), 0..200), status in 200_u16..600) {
        prop_assert_eq!(ask_everything(status, &body), [false; 5]);
    }

    #[test]
    fn damaged_answers_never_panic(body in damaged()) {
        ask_everything(200, &body);
    }

    #[test]
    fn a_cut_answer_is_no_answer(place in any::<prop::sample::Index>()) {
        for file in ["delta_odd_items.json", "view_odd_entries.json", "places_last_page_repeats_a_room.json"] {
            let body = fixture(file).unwrap().into_body();
            let whole = body.trim_ascii_end().len();
            prop_assert_eq!(ask_everything(200, &body[..place.index(whole)]), [false; 5]);
        }
    }
}
