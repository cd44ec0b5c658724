//! How long the latest announced changes took from Outlook to the table, in the two parts of [`Announced`].

use roomsync_domain::announced::Announced;
use serde::Serialize;

/// Where a bar ends and the next one begins, in milliseconds; the last bar has no end.
pub const ENDS_MS: [u64; 8] = [200, 500, 1_000, 2_000, 5_000, 10_000, 60_000, 180_000];
const BARS: usize = ENDS_MS.len() + 1;

/// Both parts of the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Latency {
    /// Changes that are counted.
    pub changes: usize,
    /// Where bars end.
    pub ends_ms: [u64; ENDS_MS.len()],
    /// From the change until Graph's notice of it reached us; nothing if Graph said of none when it was made.
    pub microsoft: Option<Spread>,
    /// From there to the table.
    pub ours: Spread,
}

/// How one part is spread.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Spread {
    /// Half of the changes took no longer.
    pub half_ms: u64,
    /// 95 of 100 took no longer.
    pub most_ms: u64,
    /// How many took how long.
    pub bars: [usize; BARS],
}

/// What changes took; nothing if there are none.
#[must_use]
pub fn latency<'a>(changes: impl Iterator<Item = &'a Announced>) -> Option<Latency> {
    let (ours, microsoft): (Vec<u64>, Vec<Option<u64>>) =
        changes.map(|change| (change.to_table_ms, change.to_notice_ms)).unzip();
    Some(Latency {
        changes: ours.len(),
        ends_ms: ENDS_MS,
        microsoft: spread(microsoft.into_iter().flatten().collect()),
        ours: spread(ours)?,
    })
}

fn spread(mut taken: Vec<u64>) -> Option<Spread> {
    taken.sort_unstable();
    // The smallest value that so many of a hundred do not exceed.
    let within = |hundredths: usize| taken.get((taken.len() * hundredths).div_ceil(100).checked_sub(1)?);
    let mut bars = [0; BARS];
    for ms in &taken {
        bars[ENDS_MS.partition_point(|end| end <= ms)] += 1;
    }
    Some(Spread { half_ms: *within(50)?, most_ms: *within(95)?, bars })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::at;

    fn change(to_notice_ms: Option<u64>, to_table_ms: u64) -> Announced {
        Announced { noticed_at: at("2026-02-09T12:00:00Z"), to_notice_ms, to_table_ms }
    }

    #[test]
    fn each_change_is_in_one_bar_of_either_part() {
        let changes = [change(Some(199), 0), change(Some(200), 999), change(Some(9_999_999), 1_000)];
        let Latency { changes, microsoft, ours, .. } = latency(changes.iter()).unwrap();
        assert_eq!(changes, 3);
        assert_eq!(microsoft.unwrap().bars, [1, 1, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(ours.bars, [1, 0, 1, 1, 0, 0, 0, 0, 0]);
        assert_eq!((ours.half_ms, ours.most_ms), (999, 1_000));
    }

    #[test]
    fn of_twenty_changes_the_slowest_is_beyond_95_of_100() {
        let changes: Vec<Announced> = (1..=20).map(|n| change(None, n)).collect();
        let Latency { microsoft, ours, .. } = latency(changes.iter()).unwrap();
        assert_eq!((ours.half_ms, ours.most_ms, microsoft), (10, 19, None));
        assert_eq!(latency([].iter()), None);
    }
}
