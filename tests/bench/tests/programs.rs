//! The programs run to their end and tell what was measured; how much is another matter, and not for a test.
#![allow(missing_docs, reason = "the names are the documentation")]

use std::process::Command;

fn run(args: &[&str]) -> String {
    let output =
        Command::new(env!("CARGO_BIN_EXE_roomsync-bench")).args(args).output().expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// The cells of the row that begins with a text.
fn row(table: &str, begin: &str) -> Vec<String> {
    let line = table.lines().map(str::trim).find(|line| line.starts_with(begin));
    let line = line.unwrap_or_else(|| panic!("a row `{begin}` in\n{table}"));
    line.split("   ").map(|cell| cell.trim().to_owned()).filter(|cell| !cell.is_empty()).collect()
}

#[test]
fn without_arguments_it_tells_what_there_is() {
    let help = run(&[]);
    for command in ["quiet", "first-copy", "memory", "webhook", "writing", "all"] {
        assert!(help.contains(command), "{help}");
    }
}

#[test]
fn a_quiet_look_costs_one_request_half_a_unit_and_no_write() {
    let table = run(&["quiet", "--rounds", "1", "--looks", "20"]);
    for batch in ["batch of 1 ", "batch of 10 "] {
        let cells = row(&table, batch);
        assert_eq!(cells[cells.len() - 3..], ["1.000", "0.500", "0.000"], "{table}");
    }
}

#[test]
fn a_first_copy_is_counted() {
    let table = run(&["first-copy", "--rooms", "3", "--entries", "100"]);
    assert_eq!(row(&table, "entries ")[1..], ["300", "100.00"], "{table}");
    // Two for the 100 rows of a room, one for the room itself, and one for what is remembered of the directory.
    assert_eq!(row(&table, "transactions")[1..], ["10", "3.33"], "{table}");
}

#[test]
fn memory_is_weighed_room_by_room() {
    let table = run(&["memory", "--entries", "50"]);
    assert!(table.contains("room of 50 entries"), "{table}");
    for look in ["first copy", "quiet look", "full read"] {
        assert!(row(&table, look).len() >= 5, "{table}");
    }
}

#[test]
fn a_flood_loses_no_genuine_notice_and_sends_nothing_for_forged_ones() {
    let tables = run(&["webhook", "--requests", "320", "--rounds", "1"]);
    assert_eq!(row(&tables, "genuine notices lost")[1], "0 of 80", "{tables}");
    for kind in ["one in a request", "one of 80 in a request", "a forged one"] {
        assert_eq!(row(&tables, kind).len(), 5, "{tables}");
    }
}

#[test]
fn a_command_costs_two_calls_to_graph() {
    let table = run(&["writing", "--single", "20", "--many", "40"]);
    assert_eq!(row(&table, "calls to Graph")[1], "2.000", "{table}");
    for figure in ["command to Graph's answer", "our part of it", "bare POST", "command read back"] {
        assert_eq!(row(&table, figure).len(), 3, "{table}");
    }
}
