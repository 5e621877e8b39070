use dawndusk::{envelope::*, flight::simulation::*, governor::*, profile, units::*};
use std::time::Instant;
#[test]
fn shares() {
    for (sat, set) in [("leo-100kw", 0.0), ("leo-100kw", 130e3), ("ai1", 0.0), ("suncatcher", 0.0), ("equatorial-stress", 0.0), ("unlimited", 0.0)] {
        let mut satellite = profile::satellite(sat, &[]).unwrap();
        if set > 0.0 { satellite.array.power_w = set; }
        let machine = profile::machine("ideal").unwrap();
        for dt in [1.0, 10.0] {
            println!("{sat} {set} dt {dt} {:?}", satellite.orbit.start);
            for policy in Policy::ALL {
                let sim = Simulation { satellite: &satellite, scale: Scale::FULL, sky: Sky::Orbit, start: "2027-12-22T00:00:00Z".parse().unwrap(),
                    duration: Seconds(86400.0), dt: Seconds(dt), load: Load::Governed, policy, machine: &machine, sensor: Sensor::IDEAL };
                let t = Instant::now();
                let s = simulate(&sim, None).unwrap();
                println!("  {policy:<10} {:.0} W work {:.0} bound {:.0} share {:.4} {:?} soc {:.4}..{:.4} dod {:.3} TJ {:.2} TL {:.2} J {:?} L {:.1} C {:.1?} bus {:.1}  {:?}", s.mean_load_w.0, s.work_s.0, s.upper_bound_s.0,
                   s.work_s/s.upper_bound_s, s.share_of_upper_bound.is_some(), s.soc_min, s.soc_end, s.depth_of_discharge, s.junction_peak_k.0, s.loop_peak_k.0,
                   (s.breaches.junction.time_s.0, s.breaches.junction.deepest_k.0), s.breaches.coolant.time_s.0, (s.breaches.charge.time_s.0, s.breaches.charge.deepest_share), s.breaches.bus.time_s.0, t.elapsed());
            }
        }
    }
}
