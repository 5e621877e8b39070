//! The files of known loggers, line for line in their form.

use crate::flown::copied;
use crate::formats::{close, instant, refused, watts_of, written};

#[test]
fn nvidia_smi_with_and_without_units_and_with_a_limit_beside_it() {
    let copy = copied();
    let at = |t: f64| instant(&copy, t, "%Y/%m/%d %H:%M:%S%.3f");
    let text = written("timestamp, index, power.draw [W], power.limit [W], temperature.gpu", |t| {
        format!("{}, 0, 57.30 W, 300.00 W, 41", at(t))
    });
    close(watts_of(&copied(), text, &[]).0, 57.3);
    let text =
        written("timestamp, power.draw.average [W], power.draw.instant [W]", |t| format!("{}, 57.30, 60.00", at(t)));
    refused(&text, &[], &["2 columns of powers", "--meter-column"]);
    close(watts_of(&copied(), &text, &["--meter-column", "power.draw.instant [W]"]).0, 60.0);
    let bare: String = written("", |t| format!("{}, 57.30 W", at(t))).trim_start().to_owned();
    close(watts_of(&copied(), bare, &[]).0, 57.3);
}

#[test]
fn amd_smi() {
    let copy = copied();
    let at = |t: f64| instant(&copy, t, "%s%.3f");
    let text =
        written("timestamp,gpu,xcp,power_usage,hotspot_temperature,gfx_clk", |t| format!("{},0,0,157,45,2100", at(t)));
    close(watts_of(&copied(), text, &[]).0, 157.0);
    let two = written("timestamp,gpu,socket_power,temperature", |t| {
        format!("{0},0,157,45\n{0},1,N/A,45\n{0},2,143,44", at(t))
    });
    refused(&two, &[], &["3 boards, 0, 1, 2"]);
    refused(&two, &["--meter-board", "1"], &["most lines"]);
    close(watts_of(&copied(), &two, &["--meter-board", "0", "--meter-board", "2"]).0, 300.0);
}

#[test]
fn home_assistant() {
    let copy = copied();
    let at = |t: f64| instant(&copy, t, "%Y-%m-%dT%H:%M:%S%.3fZ");
    let one = written("entity_id,state,last_changed", |t| format!("sensor.plug_power,{},{}", 57.3, at(t)));
    refused(&one, &[], &["`state` has no unit", "--meter-unit"]);
    close(watts_of(&copied(), &one, &["--meter-unit", "W"]).0, 57.3);
    let blocks: Vec<String> = ["sensor.plug_power,57.3", "sensor.plug_voltage,230.1"]
        .map(|entity| LINES_OF.map(|line| format!("{entity},{}\n", at(f64::from(line) / 10.0))).collect())
        .to_vec();
    let text = format!("entity_id,state,last_changed\n{}{}", blocks[0], blocks[1]);
    refused(&text, &["--meter-unit", "W"], &["2 boards, sensor.plug_power, sensor.plug_voltage"]);
    close(watts_of(&copied(), &text, &["--meter-unit", "W", "--meter-board", "sensor.plug_power"]).0, 57.3);
}

/// Tenths of a second.
const LINES_OF: std::ops::Range<i32> = -10..600;

#[test]
fn grafana_with_values_as_they_are_shown_and_with_several_series() {
    let copy = copied();
    let at = |t: f64| instant(&copy, t, "%Y-%m-%d %H:%M:%S%.3f");
    let shown = written("\"Time\",\"server power\"", |t| {
        let power = if t < 10.0 { "57.3 W" } else { "0.0573 kW" };
        format!("\"{}\",\"{power}\"", at(t))
    });
    close(watts_of(&copied(), format!("sep=,\r\n{shown}"), &[]).0, 57.3);
    let raw = written("Time,pdu-a,pdu-b", |t| format!("{},57.3,42.7", at(t)));
    refused(&raw, &[], &["`pdu-a`, `pdu-b`", "--meter-column"]);
    let words = ["--meter-column", "pdu-a", "--meter-column", "pdu-b", "--meter-unit", "W"];
    close(watts_of(&copied(), &raw, &words).0, 100.0);
    refused(&raw, &["--meter-column", "pdu-c"], &["--meter-column `pdu-c`", "`pdu-a`, `pdu-b`"]);
}

#[test]
fn joulescope_and_gpu_z() {
    let joulescope =
        written("#time,current,voltage,power,charge,energy", |t| format!("{t:.1},2.5,12.02,30.05,0.1,1.9"));
    close(watts_of(&copied(), joulescope, &[]).0, 30.05);
    let copy = copied();
    let text =
        written("        Date        , GPU Clock [MHz] , Board Power Draw [W] , GPU Chip Power Draw [W] ,", |t| {
            format!("{} , 1410.0 , 21.3 , 6.3 ,", instant(&copy, t, "%Y-%m-%d %H:%M:%S%.1f"))
        });
    refused(&text, &[], &["2 columns of powers, `Board Power Draw [W]`, `GPU Chip Power Draw [W]`"]);
    close(watts_of(&copied(), &text, &["--meter-column", "Board Power Draw [W]"]).0, 21.3);
}

#[test]
fn a_log_of_ptdaemon_with_channels_and_with_several_analysers() {
    let copy = copied();
    let at = |t: f64| instant(&copy, t, "%m-%d-%Y %H:%M:%S%.3f");
    let channels = written("PTDaemon 1.10.0 log", |t| {
        format!(
            "Time,{},Watts,100.0,Volts,230.1,Amps,0.4,PF,0.9,Mark,run,Ch1,Watts,60.0,Volts,230.1,Ch2,Watts,40.0,Volts,230.0",
            at(t)
        )
    });
    close(watts_of(&copied(), &channels, &[]).0, 100.0);
    close(watts_of(&copied(), &channels, &["--meter-board", "Ch2"]).0, 40.0);
    refused(&channels, &["--meter-board", "Ch3"], &["--meter-board `Ch3`", "Ch1, Ch2"]);
    let line = |t: f64, watts: f64, mark: &str| {
        format!("Time,{},Watts,{watts:.1},Volts,230.1,Amps,0.3,PF,0.98,Mark,{mark}", at(t))
    };
    let several = written("PTDaemon log", |t| format!("{}\n{}", line(t, 66.0, "left"), line(t + 0.04, 44.0, "right")));
    refused(&several, &[], &["2 boards, left, right", "--meter-board all"]);
    close(watts_of(&copied(), &several, &["--meter-board", "right"]).0, 44.0);
    close(watts_of(&copied(), &several, &["--meter-board", "all"]).0, 110.0);
    let unmarked = written("PTDaemon log", |t| format!("{}\n{}", line(t, 66.0, "run"), line(t + 0.01, 44.0, "run")));
    refused(unmarked, &[], &["2 at a time"]);
}
