//! Bits to the ground.

use crate::reference::{fly, near, satellite};
use dawndusk::units::{Seconds, Watts};

/// Share of `days` in contact, passes a day, mean length of a pass.
fn contacts(overrides: &[&str], days: u32) -> (f64, f64, f64) {
    let mut spacecraft = fly(&satellite(&[&["link.mode=direct"], overrides].concat()));
    let (mut open, mut passes, mut was) = (0u32, 0u32, spacecraft.link_is_open());
    let seconds = days * 86_400;
    for _ in 0..seconds / 5 {
        spacecraft.step(Seconds(5.0), Watts(1e4), 0.0);
        let is = spacecraft.link_is_open();
        open += u32::from(is) * 5;
        passes += u32::from(is && !was);
        was = is;
    }
    let share = f64::from(open) / f64::from(seconds);
    (share, f64::from(passes) / f64::from(days), f64::from(open) / f64::from(passes))
}

/// An independent simulation of the same orbit gave, at 10 degrees: Svalbard 6.05 %, 11.4 passes a day of 460 s;
/// 35 N 1.7 %, 3.5 a day; equator 1.4 %.
#[test]
fn stations_see_the_satellite_as_often_as_an_independent_simulation_says() {
    let (share, passes, length) = contacts(&["link.station_latitude_deg=78.2"], 20);
    near("Svalbard: share", share, 0.0605, 0.0015);
    near("Svalbard: passes a day", passes, 11.4, 0.2);
    near("Svalbard: length", length, 460.0, 10.0);
    let (share, passes, _) = contacts(&["link.station_latitude_deg=35"], 20);
    near("35 N: share", share, 0.017, 0.001);
    near("35 N: passes a day", passes, 3.5, 0.25);
    let (share, _, _) = contacts(&["link.station_latitude_deg=0"], 20);
    near("equator: share", share, 0.014, 0.001);
}

#[test]
fn a_relay_sends_at_its_rate_and_keeps_what_is_over() {
    let mut spacecraft = fly(&satellite(&["link.downlink_bps=1e6"]));
    spacecraft.step(Seconds(10.0), Watts(1e4), 3e7);
    let state = spacecraft.state();
    near("sent", state.sent_bits, 1e7, 1.0);
    near("waiting", state.backlog_bits, 2e7, 1.0);
    spacecraft.step(Seconds(30.0), Watts(1e4), 0.0);
    near("all sent", spacecraft.state().sent_bits, 3e7, 1.0);
    near("none waiting", spacecraft.state().backlog_bits, 0.0, 1e-6);
    near("an orbit", spacecraft.limits().downlink_bits_per_orbit, 5870.94e6, 1e4);
}

#[test]
fn a_direct_link_sends_only_in_its_windows() {
    let mut spacecraft = fly(&satellite(&["link.mode=direct", "link.downlink_bps=1e6"]));
    let mut open = 0.0;
    for second in 0..86_400 {
        let before = spacecraft.state().sent_bits;
        spacecraft.step(Seconds(1.0), Watts(1e4), 1e6);
        let sent = spacecraft.state().sent_bits - before;
        assert!((sent > 0.0) == spacecraft.link_is_open(), "second {second}: sent {sent}");
        open += f64::from(u8::from(sent > 0.0));
    }
    let state = spacecraft.state();
    near("sent", state.sent_bits, open * 1e6, 1.0);
    near("nothing lost", state.sent_bits + state.backlog_bits, 86_400.0 * 1e6, 1e3);
    let promised = spacecraft.limits().downlink_bits_per_orbit * 86_400.0 / 5870.94;
    near("what the limits promised of the day", state.sent_bits / promised, 1.0, 0.01);
}

#[test]
fn a_station_out_of_reach_never_hears_anything() {
    let overrides =
        ["orbit.inclination_deg=0", "orbit.raan_deg=0", "link.mode=direct", "link.station_latitude_deg=78.2"];
    let mut spacecraft = fly(&satellite(&overrides));
    assert_eq!(spacecraft.limits().downlink_bits_per_orbit, 0.0, "nothing can be sent");
    spacecraft.step(Seconds(20_000.0), Watts(1e4), 1e6);
    assert_eq!(spacecraft.state().sent_bits, 0.0, "nothing was sent");
}
