//! The command that repeats a flight.

use crate::flight::Flight;
use dawndusk::flight::simulation::Sensor;

impl Flight {
    /// Repeats it; add `--json` for every digit. What is as `dawndusk simulate` has it by default is left out.
    pub(super) fn command(&self) -> String {
        format!("dawndusk {}", self.arguments().join(" "))
    }

    pub(super) fn arguments(&self) -> Vec<String> {
        let mut words = vec!["simulate".to_owned(), self.satellite.to_owned()];
        let mut add = |name: &str, value: String| words.extend([format!("--{name}"), value]);
        add("start", self.start.to_string());
        add("duration", self.duration.to_string());
        add("step", self.dt.to_string());
        add("machine", self.machine.to_owned());
        if self.batch > 0.0 {
            add("batch", self.batch.to_string());
            add("seed", self.seed.to_string());
        }
        let Sensor { lag, update_period, gain, step, shows } = self.sensor;
        let ideal = Sensor::IDEAL;
        let numbers = [
            ("sensor-lag", lag.0, ideal.lag.0),
            ("sensor-period", update_period.0, ideal.update_period.0),
            ("sensor-gain", gain, ideal.gain),
            ("sensor-step", step, ideal.step),
        ];
        let other = numbers.into_iter().filter(|(_, value, default)| value != default);
        other.for_each(|(name, value, _)| add(name, value.to_string()));
        if shows != ideal.shows {
            add("sensor-shows", format!("{shows:?}").to_lowercase());
        }
        self.sets.iter().for_each(|set| add("set", set.clone()));
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::draw;
    use assert_cmd::Command;
    use dawndusk::flight::simulation::Shows;
    use dawndusk::units::Seconds;
    use serde_json::Value;

    /// Work of the flight by the binary.
    fn work_by_command(flight: &Flight) -> f64 {
        let mut command = Command::cargo_bin("dawndusk").expect("the binary is built");
        let output = command.args(flight.arguments()).arg("--json").output().expect("the binary runs");
        let answer: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
        answer["work_s"].as_f64().expect("work is a number")
    }

    #[test]
    fn a_command_repeats_its_flight_to_the_last_digit() {
        let short = |seed| Flight { duration: 2000.0, ..draw(seed) };
        let sensor = Sensor { lag: Seconds(1.5), update_period: Seconds(0.5), shows: Shows::Power, ..Sensor::IDEAL };
        let mut flights: Vec<Flight> = (0..5).map(short).collect();
        flights.push(Flight { sensor, ..short(5) });
        assert!(flights.iter().any(|flight| flight.batch > 0.0), "one of them has batches");
        for flight in flights {
            assert_eq!(work_by_command(&flight), flight.fly().work_s.0, "{}", flight.command());
        }
    }
}
