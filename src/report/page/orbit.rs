//! The orbit as a picture, drawn to scale from the profile's orbit, the Sun of the flight's date and the ticks: where the satellite
//! was in sunlight and in shadow, and where the governor held work back.

use super::super::flight::limit_name;
use super::super::record::Record;
use super::super::result::FlightResult;
use super::held::{Held, held};
use super::html::escape;
use super::view::{COS_SUN, Place, Seen, View};
use crate::envelope::Orbit;
use crate::governor::LimitedBy;
use crate::journal::Tick;
use crate::units::Seconds;
use std::f64::consts::TAU;
use std::fmt::Write;

/// Largest radius of the Earth in the picture, and of an orbit: a higher one makes the Earth smaller.
const EARTH_MAX: f64 = 100.0;
const ORBIT_MAX: f64 = 112.0;
/// Equatorial radius of the Earth, km (WGS84).
const EARTH_KM: f64 = 6_378.137;
/// Half the height of the picture, and its right edge.
const EDGE: (f64, f64) = (126.0, 232.0);

struct Picture {
    orbit: Orbit,
    view: View,
    /// Radius of the Earth.
    earth: f64,
}

impl Picture {
    fn new(orbit: Orbit, sun: Place) -> Picture {
        let earth = EARTH_MAX.min(ORBIT_MAX * EARTH_KM / orbit.radius_km);
        Picture { orbit, view: View::new(sun), earth }
    }

    /// The satellite at a simulated time since its ascending node.
    fn at(&self, simulated: Seconds) -> Seen {
        let [node, quarter, _] = self.orbit.axes(simulated);
        let (sin, cos) = (TAU * self.orbit.phase(simulated)).sin_cos();
        let radius = self.earth * self.orbit.radius_km / EARTH_KM;
        self.view.see(&std::array::from_fn(|axis| radius * (cos * node[axis] + sin * quarter[axis])))
    }

    /// A line through `places`, cut where the globe hides it.
    fn lines(&self, class: &str, places: impl Iterator<Item = Seen>) -> String {
        let mut path = String::new();
        let mut pen = 'M';
        for seen in places {
            if seen.near < 0.0 {
                pen = 'M';
                continue;
            }
            path.push_str(&format!("{pen}{:.1} {:.1}", seen.x, seen.y));
            pen = 'L';
        }
        format!("<path class=\"{class}\" d=\"{path}\"/>\n")
    }

    /// Parallels and meridians of the globe.
    fn globe(&self) -> String {
        let point = |latitude: f64, longitude: f64| -> Place {
            let ((north, across), (east, along)) = (latitude.to_radians().sin_cos(), longitude.to_radians().sin_cos());
            [across * along, across * east, north].map(|part| self.earth * part)
        };
        let mut text = String::new();
        for latitude in [-60.0, -30.0, 0.0, 30.0, 60.0] {
            let places = (0..=72).map(|step| self.view.see(&point(latitude, 5.0 * f64::from(step))));
            text.push_str(&self.lines("grid", places));
        }
        for longitude in (0..12).map(|hour| 30.0 * f64::from(hour)) {
            let places = (-18..=18).map(|step| self.view.see(&point(5.0 * f64::from(step), longitude)));
            text.push_str(&self.lines("grid", places));
        }
        text
    }

    /// The satellite's path over one slice, as a piece of an SVG path.
    fn piece(&self, slice: &Held) -> String {
        let [begin, middle, end] =
            [0.0, 0.5, 1.0].map(|share| self.at(slice.begin + (slice.end - slice.begin) * share));
        format!("M{:.1} {:.1}L{:.1} {:.1} {:.1} {:.1}", begin.x, begin.y, middle.x, middle.y, end.x, end.y)
    }

    fn is_hidden(&self, slice: &Held) -> bool {
        let middle = self.at((slice.begin + slice.end) / 2.0);
        middle.near < 0.0 && middle.x.hypot(middle.y) < self.earth
    }

    fn path(&self, slices: &[Held]) -> String {
        let mut text = String::new();
        let mut classes: Vec<(String, String)> = Vec::new();
        for slice in slices {
            let hidden = if self.is_hidden(slice) { " hidden" } else { "" };
            let light = if slice.lit < 0.5 { "dark" } else { "lit" };
            // The widest at the bottom: what held back, in four strengths, under the satellite's own line.
            if let Some(by) = slice.by {
                let strength = (4.0 * slice.share).ceil().clamp(1.0, 4.0);
                classes.push((format!("a held {} s{strength}{hidden}", limit_name(Some(by))), self.piece(slice)));
            }
            classes.push((format!("b path {light}{hidden}"), self.piece(slice)));
        }
        classes.sort_by(|one, two| one.0.cmp(&two.0));
        for same in classes.chunk_by(|one, two| one.0 == two.0) {
            let pieces: String = same.iter().map(|(_, piece)| piece.as_str()).collect();
            let _ = writeln!(text, "<path class=\"{}\" d=\"{pieces}\"/>", &same[0].0[2..]);
        }
        text
    }
}

/// The picture with its legend; nothing where the satellite never left.
pub(super) fn orbit(result: &FlightResult, record: &Record<'_>) -> String {
    let (Some(last), Some(flown)) = (record.ticks.last(), &result.flight) else { return String::new() };
    let profile = &result.plan.satellite.orbit;
    let orbit = Orbit::new(profile, profile.start);
    let aspect = orbit.aspect(Seconds::ZERO);
    let picture = Picture::new(orbit, aspect.sun.direction);
    let slices = held(record, orbit.nodal_period / 120.0);
    let dark =
        slices.iter().filter(|slice| slice.lit < 0.5).fold(Seconds::ZERO, |sum, slice| sum + (slice.end - slice.begin));
    let (points, stops) = stops(&picture, record);
    let said = format!(
        "One orbit at {:.0} km, seen with the Sun on the left: {:.0} minutes flown, {:.0} of them in the Earth's shadow; \
         the Sun stands {:.0} degrees over the plane of the orbit.",
        profile.altitude_km,
        last.simulated_s.0 / 60.0,
        dark.0 / 60.0,
        aspect.beta_deg().abs()
    );
    let limits: Vec<LimitedBy> = flown.limited_by_share.0.iter().filter_map(|(limit, _)| *limit).collect();
    format!(
        "<figure class=\"orbit\">\n<svg viewBox=\"-168 -{0} 400 {1}\" role=\"img\" aria-label=\"{said}\">\n{2}{3}{4}{5}</svg>\n\
         <figcaption>{said} To scale.\n{6}\n{stops}</figcaption>\n</figure>\n",
        EDGE.0,
        2.0 * EDGE.0,
        backdrop(picture.earth),
        picture.globe(),
        picture.path(&slices),
        points,
        legend(&limits),
    )
}

/// Sun, shadow and the globe with its night.
fn backdrop(earth: f64) -> String {
    let (edge, terminator) = (EDGE.1, COS_SUN * earth);
    format!(
        "<defs><linearGradient id=\"fade\"><stop offset=\"0\" class=\"deep\"/><stop offset=\"1\" class=\"gone\"/></linearGradient></defs>\n\
         <path class=\"shadow\" d=\"M0 -{earth:.1}H{edge}V{earth:.1}H0Z\"/>\n\
         <g class=\"sun\"><circle cx=\"-150\" cy=\"0\" r=\"9\"/><path d=\"M-136 0h16M-138 -7l14 -5M-138 7l14 5\"/></g>\n\
         <text x=\"-150\" y=\"25\" text-anchor=\"middle\">Sun</text>\n<text x=\"{0}\" y=\"4\" text-anchor=\"end\">shadow</text>\n\
         <circle class=\"day\" r=\"{earth:.1}\"/>\n\
         <path class=\"night\" d=\"M0 -{earth:.1}A{earth:.1} {earth:.1} 0 0 1 0 {earth:.1}A{terminator:.1} {earth:.1} 0 0 0 0 -{earth:.1}Z\"/>\n\
         <path class=\"terminator\" d=\"M0 {earth:.1}A{terminator:.1} {earth:.1} 0 0 0 0 -{earth:.1}\"/>\n",
        edge - 8.0
    )
}

/// Places worth a look, and what they are.
fn stops(picture: &Picture, record: &Record<'_>) -> (String, String) {
    let by = |value: fn(&Tick) -> f64| record.ticks.iter().max_by(|one, two| value(one).total_cmp(&value(two)));
    let minutes = |tick: &Tick| tick.simulated_s.0 / 60.0;
    let lowest = by(|tick| -tick.soc);
    let hottest = by(|tick| tick.junction_k.0);
    let mut all = vec![(Seconds::ZERO, "ascending node, where the flight begins".to_owned())];
    all.extend(lowest.map(|tick| {
        (tick.simulated_s, format!("lowest charge, {:.1} % after {:.0} minutes", 100.0 * tick.soc, minutes(tick)))
    }));
    all.extend(hottest.map(|tick| {
        let junction = super::head::celsius(tick.junction_k);
        (tick.simulated_s, format!("hottest junction, {junction:.1} °C after {:.0} minutes", minutes(tick)))
    }));
    let (mut points, mut list) = (arrow(picture), String::from("<ol class=\"stops\">\n"));
    for (number, (at, what)) in all.iter().enumerate() {
        let seen = picture.at(*at);
        // The number stands outside of the path, so that both can be read, and inside or below where others are near.
        let is_near = |(earlier, _): &&(Seconds, String)| {
            let other = picture.at(*earlier);
            (other.x - seen.x).hypot(other.y - seen.y) < 14.0
        };
        let (side, below) = [(1.0, 0.0), (-1.0, 0.0), (0.0, 14.0)][all[..number].iter().filter(is_near).count()];
        let away = 1.0 + side * 11.0 / seen.x.hypot(seen.y).max(40.0);
        let _ = writeln!(
            points,
            "<circle class=\"stop\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"3.2\"/><text class=\"number\" x=\"{:.1}\" y=\"{:.1}\" \
             text-anchor=\"middle\">{}</text>",
            seen.x,
            seen.y,
            seen.x * away,
            seen.y * away + 3.5 + below,
            number + 1
        );
        let _ = writeln!(list, "<li>{}</li>", escape(what));
    }
    list.push_str("</ol>\n");
    (points, list)
}

/// Which way it flies: an arrowhead a tenth of an orbit after the node.
fn arrow(picture: &Picture) -> String {
    let period = picture.orbit.nodal_period;
    let [tail, tip] = [0.1, 0.104].map(|share| picture.at(period * share));
    let degrees = (tip.y - tail.y).atan2(tip.x - tail.x).to_degrees();
    format!(
        "<path class=\"arrow\" d=\"M-4 -5L6 0L-4 5Z\" transform=\"translate({:.1} {:.1}) rotate({degrees:.0})\"/>\n",
        tip.x, tip.y
    )
}

fn legend(limits: &[LimitedBy]) -> String {
    let mut keys = vec![("path lit", "in sunlight".to_owned()), ("path dark", "in shadow".to_owned())];
    let named: Vec<(String, String)> = limits
        .iter()
        .map(|limit| (format!("held {limit}"), format!("held back for {}", super::series::limit_words(*limit))))
        .collect();
    keys.extend(named.iter().map(|(class, text)| (class.as_str(), text.clone())));
    let key = |(class, text): &(&str, String)| format!("<li><span class=\"key {class}\"></span>{}</li>", escape(text));
    format!("<ul class=\"legend\">{}</ul>", keys.iter().map(key).collect::<String>())
}
