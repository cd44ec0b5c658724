//! CPU time of this process, in user mode and in the kernel, and what to make of repeated measurements.

use cpu_time::ProcessTime;

/// CPU time of one piece of work, in seconds.
pub(crate) async fn of(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<f64> {
    let begun = ProcessTime::now();
    work.await?;
    Ok(begun.elapsed().as_secs_f64())
}

/// Least, middle and most of a series; zeros of an empty one.
pub(crate) fn spread(mut series: Vec<f64>) -> [f64; 3] {
    series.sort_by(f64::total_cmp);
    let at = |index: usize| series.get(index).copied().unwrap_or(0.0);
    [at(0), at(series.len() / 2), at(series.len().saturating_sub(1))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_does_not_depend_on_the_order() {
        assert_eq!(spread(vec![3.0, 1.0, 2.0]), [1.0, 2.0, 3.0]);
        assert_eq!(spread(Vec::new()), [0.0; 3]);
    }

    #[tokio::test]
    async fn work_uses_time() {
        let spin = async {
            (0..1_000_000u64).fold(0u64, |sum, n| std::hint::black_box(sum.wrapping_mul(31).wrapping_add(n)));
            Ok(())
        };
        assert!(of(spin).await.unwrap() > 0.0);
    }
}
