//! The table of `simulate`: a row for every flight, the best possible first.
//!
//! | column | is |
//! |---|---|
//! | work | seconds of full speed |
//! | of oracle | of the work of the best flight with the same change of charge and heat; `-` if ungoverned or a limit was broken |
//! | broken | how long any limit was broken |
//! | unserved | energy that the bus was not given |
//! | hot | kelvin seconds of junction and loop over their limits |
//! | low | deepest charge under its floor, share of capacity |
//! | settle | median and worst time from a step of the budget until the power follows |
//! | over | most power over the budget |
//! | cycles, depth | energy out of the battery in capacities; largest fall of the charge in one orbit |
//! | stale | ticks on readings that were not believed |

use super::simulate::{Answer, Flown};
use crate::estimator::Assumption;
use crate::flight::simulation::{Best, Summary};
use crate::governor::Score;

/// Text of the page.
pub(super) fn page(answer: &Answer<'_>) -> String {
    let heading = format!(
        "{} from {}, load {}, machine {}\n{}",
        answer.satellite,
        answer.start,
        answer.load,
        answer.machine,
        columns([
            "governor",
            "work s",
            "of oracle",
            "mean kW",
            "broken s",
            "unserved J",
            "hot K s",
            "low",
            "settle s",
            "over",
            "cycles",
            "depth",
            "stale",
        ])
    );
    let flights: &[Summary] = match &answer.flown {
        Flown::One(summary) => std::slice::from_ref(summary),
        Flown::All { governors } => governors,
    };
    let mut text = heading;
    if let Some(best) = &answer.oracle {
        text.push_str(&oracle(best));
    }
    for flight in flights {
        text.push_str(&row(flight));
    }
    text.push_str(&notes(answer.oracle.as_ref(), flights));
    text
}

fn columns(cells: [&str; 13]) -> String {
    let [first, cells @ ..] = cells;
    let widths = [9, 10, 8, 9, 11, 9, 8, 9, 8, 7, 8, 8];
    let mut line = format!("{first:<11}");
    for (cell, width) in cells.iter().zip(widths) {
        line.push_str(&format!(" {cell:>width$}"));
    }
    line.push('\n');
    line
}

fn oracle(best: &Best) -> String {
    let mut cells = ["-"; 13];
    let work = format!("{:.0}", best.work_s.0);
    (cells[0], cells[1], cells[2]) = ("oracle", &work, "100.00 %");
    columns(cells)
}

fn row(flight: &Summary) -> String {
    let Summary { score, breaches, .. } = flight;
    let broken = [breaches.junction.time_s, breaches.coolant.time_s, breaches.charge.time_s, breaches.bus.time_s];
    let name = flight.governor.map_or("none".to_owned(), |policy| policy.to_string());
    let hot = breaches.junction.excess_k_s + breaches.coolant.excess_k_s;
    columns([
        &name,
        &format!("{:.0}", flight.work_s.0),
        &percent(flight.share_of_oracle),
        &format!("{:.2}", flight.mean_load_w.0 / 1e3),
        &format!("{:.0}", broken.into_iter().fold(0.0, |most: f64, time| most.max(time.0))),
        &format!("{:.3e}", breaches.bus.energy_j.0).replace("0.000e0", "0"),
        &format!("{hot:.0}"),
        &percent(Some(breaches.charge.deepest_share)),
        &settling(score),
        &percent(score.overshoot_share),
        &format!("{:.2}", score.battery_cycles),
        &percent(Some(score.depth_of_discharge)),
        &score.stale_ticks.to_string(),
    ])
}

fn settling(score: &Score) -> String {
    match (score.settling_median_s, score.settling_worst_s) {
        (Some(median), Some(worst)) => format!("{:.1}/{:.1}", median.0, worst.0),
        _ => "-".to_owned(),
    }
}

fn percent(share: Option<f64>) -> String {
    share.map_or("-".to_owned(), |share| format!("{:.2} %", 100.0 * share))
}

fn notes(best: Option<&Best>, flights: &[Summary]) -> String {
    let mut text = String::new();
    if let Some(best) = best {
        let whose = match best.stretches {
            1 => "that ends as it began".to_owned(),
            days => format!("that ends each of {days} stretches as it began it"),
        };
        text.push_str(&format!("oracle: no flight {whose} does more than {:.1} s", best.upper_s.0));
        if let Some((work, gap)) = best.feasible_work_s.zip(best.gap_share) {
            text.push_str(&format!("; a plan that was flown does {:.1} s (gap {:.3} %)", work.0, 100.0 * gap));
        }
        text.push_str(&format!("; bound without a solver {:.1} s\n", best.analytic_bound_s.0));
    }
    if flights.iter().any(|flight| flight.share_of_oracle.is_none()) {
        text.push_str("of oracle: none where nobody governed or a limit was broken\n");
    }
    for flight in flights {
        text.push_str(&assumptions(flight));
    }
    text
}

/// Each assumption that did not hold: when first, and the worst that was seen of it.
fn assumptions(flight: &Summary) -> String {
    let name = flight.governor.map_or("none".to_owned(), |policy| policy.to_string());
    let line = |assumption: Assumption| {
        let mut seen = flight.broken.iter().filter(|broken| broken.assumption == assumption);
        let first = seen.next()?;
        let worst = seen.fold(first.seen, |worst, broken| worst.max(broken.seen));
        let (assumed, at) = (first.assumed, first.at_s.0);
        Some(format!("{name}: {assumption} is assumed to be at most {assumed}; from {at:.1} s on it was {worst:.4}\n"))
    };
    Assumption::ALL.into_iter().filter_map(line).collect()
}
