//! How figures are shown.

use comfy_table::{ContentArrangement, Table, TableComponent, presets};

/// An empty table.
pub(crate) fn new(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header).set_style(TableComponent::HeaderLines, '─');
    table.set_style(TableComponent::MiddleHeaderIntersections, '─');
    table
}

/// An aim, and whether it was met.
pub(crate) fn aim(met: bool, aim: &str) -> String {
    format!("{aim}: {}", if met { "met" } else { "missed" })
}

/// Seconds as microseconds.
pub(crate) fn micros(seconds: f64) -> String {
    format!("{:.0} µs", seconds * 1e6)
}
