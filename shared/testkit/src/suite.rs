//! What every implementation of a store port has to do, whatever stands behind it.
//!
//! Each suite wants tables that nobody else uses and panics at the first thing that is not as it should be.

mod bookings;
mod links;
mod rooms;
mod tenants;
mod writings;

pub use rooms::room_store_suite;
pub use tenants::tenant_store_suite;

use roomsync_ports::{BookingStore, StoreError, WritingStore};

/// The suite of [`BookingStore`].
///
/// # Panics
/// When the store does not keep its word.
pub async fn booking_store_suite(store: &impl BookingStore) {
    bookings::nothing_is_there_at_first(store).await;
    bookings::what_is_committed_reads_back(store).await;
    bookings::cursors_are_versioned(store).await;
    bookings::a_lost_race_writes_nothing(store).await;
    bookings::one_bad_write_spoils_the_whole_commit(store).await;
    bookings::a_range_is_half_open(store).await;
    bookings::a_range_is_read_to_the_end(store).await;
    bookings::a_commit_has_its_limit(store).await;
    bookings::rooms_do_not_see_each_other(store).await;
    links::bookings_are_found_by_their_events(store).await;
    links::ids_are_case_sensitive(store).await;
    links::a_booking_is_found_by_all_events_it_has_had(store).await;
    links::what_its_room_has_not_shown_is_found_by_its_meeting(store).await;
    links::more_events_than_one_batch(store).await;
}

/// The suite of [`WritingStore`].
///
/// # Panics
/// When the store does not keep its word.
pub async fn writing_store_suite(store: &(impl BookingStore + WritingStore)) {
    writings::a_save_is_whole(store).await;
    writings::a_move_claims_two_rooms(store).await;
    writings::what_is_due_is_found(store).await;
    writings::a_mailbox_is_closed_for_the_longest_time(store).await;
}

/// Panics unless the result is a lost race.
fn lost<T: std::fmt::Debug>(result: Result<T, StoreError>, why: &str) {
    assert!(matches!(result, Err(StoreError::Conflict(_))), "{why}: expected a lost race, found {result:?}");
}
