//! Kernels under the roofs that the same adapter reached in the same run: `fma` for arithmetic, `copy` for memory.

use super::super::result::FlightResult;
use super::super::table::scaled;
use super::super::workload::WorkloadResult;
use super::html::{escape, table};
use std::fmt::Write;

/// The frame: left, right, top, bottom.
const FRAME: [f64; 4] = [64.0, 610.0, 14.0, 300.0];

/// The picture and its numbers; a sentence where the roofs were not measured.
pub(super) fn roofline(result: &FlightResult) -> String {
    let all = &result.unconstrained;
    let named = |name: &str| all.iter().find(|workload| workload.name == name);
    let both = named("fma").filter(|fma| fma.flop_per_s > 0.0).zip(named("copy").filter(|copy| copy.bytes_per_s > 0.0));
    let Some((fma, copy)) = both else {
        return "<p>The roofs are the rates of the kernels <code>fma</code> (arithmetic) and <code>copy</code> (memory). They \
                were not measured in this run, so there is no roofline.</p>\n"
            .into();
    };
    let is_kernel =
        |one: &&WorkloadResult| one.backends == fma.backends && one.flop_per_s > 0.0 && one.bytes_per_s > 0.0;
    let kernels: Vec<&WorkloadResult> = all.iter().filter(is_kernel).collect();
    let roofs = Roofs { flop: fma.flop_per_s, bytes: copy.bytes_per_s };
    roofs.chart(&kernels) + &roofs.numbers(&kernels)
}

struct Roofs {
    flop: f64,
    bytes: f64,
}

/// A logarithmic axis over whole decades.
struct Axis {
    from: f64,
    to: f64,
    place: [f64; 2],
}

impl Axis {
    fn over(values: impl Iterator<Item = f64>, place: [f64; 2]) -> Axis {
        let (low, high) = values.fold((f64::INFINITY, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
        Axis { from: low.log10().floor(), to: (high.log10() + 0.1).ceil(), place }
    }

    fn at(&self, value: f64) -> f64 {
        let [begin, end] = self.place;
        begin + (end - begin) * (value.log10() - self.from) / (self.to - self.from)
    }

    fn decades(&self) -> impl Iterator<Item = f64> {
        (self.from as i32..=self.to as i32).map(|power| 10_f64.powi(power))
    }
}

fn intensity(kernel: &WorkloadResult) -> f64 {
    kernel.flop_per_s / kernel.bytes_per_s
}

impl Roofs {
    /// What the roofs allow at an intensity, FLOP/s.
    fn over(&self, intensity: f64) -> f64 {
        self.flop.min(intensity * self.bytes)
    }

    fn chart(&self, kernels: &[&WorkloadResult]) -> String {
        let [left, right, top, bottom] = FRAME;
        let ridge = self.flop / self.bytes;
        let across = Axis::over(kernels.iter().map(|one| intensity(one)).chain([ridge]), [left, right]);
        let least = self.over(10_f64.powf(across.from));
        let up = Axis::over(kernels.iter().map(|one| one.flop_per_s).chain([self.flop, least]), [bottom, top]);
        let mut text = String::new();
        for decade in across.decades() {
            let x = across.at(decade);
            let _ = writeln!(
                text,
                "<path class=\"grid\" d=\"M{x:.1} {top}V{bottom}\"/><text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{decade}</text>",
                bottom + 16.0
            );
        }
        for decade in up.decades() {
            let (y, said) = (up.at(decade), scaled(decade, ""));
            let said = said.replace(".00", "");
            let _ = writeln!(
                text,
                "<path class=\"grid\" d=\"M{left} {y:.1}H{right}\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                left - 6.0,
                y + 4.0,
                said.trim()
            );
        }
        let (low, corner) = (up.at(least), (across.at(ridge), up.at(self.flop)));
        let _ = writeln!(text, "<path class=\"roof\" d=\"M{left} {low:.1}L{:.1} {:.1}H{right}\"/>", corner.0, corner.1);
        text.push_str(&labels(kernels, &across, &up));
        format!(
            "<figure>\n<section class=\"wide\" tabindex=\"0\" aria-label=\"Roofline\">\n<svg class=\"roofline\" viewBox=\"0 0 640 340\" role=\"img\" aria-label=\"Kernels under the measured roofs of arithmetic and memory\">\n\
             {text}<text x=\"{0}\" y=\"{1}\" text-anchor=\"middle\">FLOP for each byte that must move</text>\n\
             <text x=\"14\" y=\"{2}\" text-anchor=\"middle\" transform=\"rotate(-90 14 {2})\">FLOP/s</text>\n</svg>\n</section>\n\
             <figcaption>Roofs: {3}/s of arithmetic (<code>fma</code>) and {4}/s of memory (<code>copy</code>), reached by the same \
             adapter in the same run.</figcaption>\n</figure>\n",
            f64::midpoint(left, right),
            bottom + 34.0,
            f64::midpoint(top, bottom),
            scaled(self.flop, "FLOP"),
            scaled(self.bytes, "byte")
        )
    }

    fn numbers(&self, kernels: &[&WorkloadResult]) -> String {
        let row = |kernel: &&WorkloadResult| {
            vec![
                kernel.name.clone(),
                kernel.test.clone(),
                format!("{:.2}", intensity(kernel)),
                format!("{}/s", scaled(kernel.flop_per_s, "FLOP")),
                format!("{}/s", scaled(kernel.bytes_per_s, "byte")),
                format!("{:.0} %", 100.0 * kernel.flop_per_s / self.over(intensity(kernel))),
            ]
        };
        let rows: Vec<Vec<String>> = kernels.iter().map(row).collect();
        let titles = ["kernel", "test", "FLOP/byte", "arithmetic", "memory", "of the roof over it"];
        table("Kernels and the roof over each", 2, &titles, &rows)
    }
}

/// Dots and names; a name takes the first of six places beside its dot that is free.
fn labels(kernels: &[&WorkloadResult], across: &Axis, up: &Axis) -> String {
    let dots: Vec<(f64, f64)> =
        kernels.iter().map(|kernel| (across.at(intensity(kernel)), up.at(kernel.flop_per_s))).collect();
    let mut text = String::new();
    // Left, right and baseline of what is written, dots included.
    let mut taken: Vec<[f64; 3]> = dots.iter().map(|(x, y)| [x - 6.0, x + 6.0, y + 4.0]).collect();
    for (kernel, (x, y)) in kernels.iter().zip(&dots) {
        let width = 7.5 * kernel.name.chars().count() as f64;
        let places =
            [(8.0, 4.0), (-8.0 - width, 4.0), (8.0, 16.0), (8.0, -8.0), (-8.0 - width, 16.0), (-8.0 - width, -8.0)];
        let places = places.map(|(right, down)| [x + right, x + right + width, y + down]);
        let is_free = |place: &&[f64; 3]| {
            let apart =
                |other: &[f64; 3]| other[1] < place[0] || place[1] < other[0] || (other[2] - place[2]).abs() > 11.0;
            place[1] < FRAME[1] && place[0] > FRAME[0] && taken.iter().all(apart)
        };
        let place = *places.iter().find(is_free).unwrap_or(&places[0]);
        taken.push(place);
        let _ = writeln!(
            text,
            "<circle class=\"dot\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"/><text class=\"name\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            place[0],
            place[2],
            escape(&kernel.name)
        );
    }
    text
}
