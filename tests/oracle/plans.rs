//! The gap between the bound and the best plan that was flown.

use super::sky::{orbit, satellite, spacecraft, tiring};
use dawndusk::envelope::Scale;
use dawndusk::governor::WorkCurve;
use dawndusk::oracle::{Ends, best, feasible};
use dawndusk::units::Watts;

#[test]
fn a_plan_that_keeps_every_limit_comes_within_half_a_percent_of_the_bound() {
    for name in ["leo-100kw", "ai1", "equatorial-stress"] {
        let satellite = satellite(name);
        let full = Watts(satellite.compute.power_w);
        for curve in [tiring(full), WorkCurve::linear(full * 0.2, full), tiring(full * 1.3)] {
            let craft = spacecraft(&satellite, Scale::FULL);
            let trace = orbit(craft.clone(), &curve);
            let upper = best(&trace, &Ends::Periodic).unwrap_or_else(|refusal| panic!("{name}: {refusal}")).upper;
            let plan = feasible(&craft, &trace, &Ends::Periodic).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
            let gap = 1.0 - plan.work / upper;
            assert!((0.0..0.005).contains(&gap), "{name} to {}: a gap of {gap}", curve.full());
        }
    }
}

#[test]
fn the_gaps_are_no_wider_than_the_documentation_says() {
    for (name, settable, batches) in [
        ("leo-100kw", 4e-4, 2.3e-3),
        ("ai1", 1.9e-3, 1e-4),
        ("suncatcher", 4e-4, 1e-3),
        ("equatorial-stress", 4e-4, 1e-4),
    ] {
        let satellite = satellite(name);
        let curve = WorkCurve::linear(Watts::ZERO, Watts(satellite.compute.power_w));
        let craft = spacecraft(&satellite, Scale::FULL);
        for (switching, most) in [(false, settable), (true, batches)] {
            let trace = orbit(craft.clone(), &curve).switching(switching);
            let upper = best(&trace, &Ends::Periodic).unwrap_or_else(|refusal| panic!("{name}: {refusal}")).upper;
            let plan = feasible(&craft, &trace, &Ends::Periodic).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
            let gap = 1.0 - plan.work / upper;
            assert!((0.0..most).contains(&gap), "{name}, on or off: {switching}: a gap of {gap}");
        }
    }
}
