//! A failure made short: steps are left out as long as it still fails.

use crate::history::{Plan, run};

/// Most histories that are tried.
const MOST_TRIES: usize = 600;

/// The shortest list of steps that was found to fail in the same way (the first word of what is wrong stays).
#[must_use]
pub fn shrink(plan: &Plan) -> Plan {
    let Some(kind) = failure(plan) else { return plan.clone() };
    let mut steps = plan.steps.clone();
    let mut size = steps.len().div_ceil(2);
    let mut tries = 0;
    while size > 0 && tries < MOST_TRIES {
        let mut at = 0;
        let mut shorter = false;
        while at < steps.len() && tries < MOST_TRIES {
            let mut rest = steps.clone();
            rest.drain(at..(at + size).min(rest.len()));
            tries += 1;
            if failure(&Plan { steps: rest.clone(), ..plan.clone() }).as_ref() == Some(&kind) {
                steps = rest;
                shorter = true;
            } else {
                at += size;
            }
        }
        if !shorter || size > steps.len() {
            size = if size == 1 && shorter { 1 } else { size / 2 };
        }
    }
    Plan { steps, ..plan.clone() }
}

fn failure(plan: &Plan) -> Option<String> {
    let report = run(&Plan { tells: false, ..plan.clone() });
    report.wrong.first().map(|wrong| wrong.split([':', ' ']).next().unwrap_or_default().to_owned())
}

/// A list of steps as text: `3,5,8-12`.
#[must_use]
pub fn text(steps: &[u32]) -> String {
    let mut parts: Vec<(u32, u32)> = Vec::new();
    for step in steps {
        match parts.last_mut() {
            Some((_, last)) if *last + 1 == *step => *last = *step,
            _ => parts.push((*step, *step)),
        }
    }
    let part = |(first, last): &(u32, u32)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    parts.iter().map(part).collect::<Vec<_>>().join(",")
}

/// Such a text as a list of steps.
#[must_use]
pub fn steps(text: &str) -> Option<Vec<u32>> {
    let mut steps = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        steps.extend(first.parse::<u32>().ok()?..=last.parse::<u32>().ok()?);
    }
    Some(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_steps_reads_back() {
        let list = vec![0, 1, 2, 5, 7, 8];
        assert_eq!(text(&list), "0-2,5,7-8");
        assert_eq!(steps(&text(&list)), Some(list));
        assert_eq!(steps("3-x"), None);
    }
}
