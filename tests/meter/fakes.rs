//! A tree of attribute files and an accelerator board that fail on request.

use dawndusk::meter::board::{BoardDriver, Boards};
use dawndusk::meter::nvml::{Architecture, Device, Identity, NvmlBoard, Question};
use dawndusk::meter::probe::Refusal;
use dawndusk::meter::sysfs::Tree;
use dawndusk::reading::NoData;
use dawndusk::units::Seconds;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tempfile::TempDir;

/// Error numbers that Linux and macOS share.
pub(crate) const EACCES: i32 = 13;
pub(crate) const EBUSY: i32 = 16;

/// A sysfs of the test's own.
pub(crate) struct FakeSysfs {
    directory: TempDir,
    failures: Arc<Mutex<BTreeMap<String, i32>>>,
    /// Counters that run at so many watts from the moment the tree was made.
    running: BTreeMap<String, f64>,
    /// Powers in watts that follow the time since then.
    moving: BTreeMap<String, fn(f64) -> f64>,
}

impl FakeSysfs {
    pub(crate) fn new() -> FakeSysfs {
        let directory = tempfile::tempdir().expect("a temporary directory");
        FakeSysfs { directory, failures: Arc::default(), running: BTreeMap::new(), moving: BTreeMap::new() }
    }

    pub(crate) fn path(&self, file: &str) -> std::path::PathBuf {
        self.directory.path().join(file)
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        let path = self.path(file);
        std::fs::create_dir_all(path.parent().expect("a file in a directory")).expect("directories can be made");
        std::fs::write(path, text).expect("files can be written");
    }

    /// Lets every read of `file` fail with an error number of the system, until [`FakeSysfs::mend`].
    pub(crate) fn fail(&self, file: &str, errno: i32) {
        self.failures.lock().expect("no test panics here").insert(file.to_owned(), errno);
    }

    pub(crate) fn mend(&self, file: &str) {
        self.failures.lock().expect("no test panics here").remove(file);
    }

    /// Lets a zone's counter run at `watts`.
    pub(crate) fn run(&mut self, zone: &str, watts: f64) {
        self.running.insert(format!("class/powercap/{zone}/energy_uj"), watts);
    }

    /// Lets a file of a power follow `watts`.
    pub(crate) fn follow(&mut self, file: &str, watts: fn(f64) -> f64) {
        self.moving.insert(file.to_owned(), watts);
    }

    pub(crate) fn tree(&self) -> Tree {
        let root = self.directory.path().to_owned();
        let failures = Arc::clone(&self.failures);
        let (running, moving) = (self.running.clone(), self.moving.clone());
        let start = Instant::now();
        let read = move |path: &Path| {
            let file = path.strip_prefix(&root).unwrap_or(path).to_string_lossy().into_owned();
            // Taken before the read: a file that hangs must not hang its neighbours here.
            let failure = failures.lock().expect("no test panics here").get(&file).copied();
            match failure {
                Some(errno) => Err(io::Error::from_raw_os_error(errno)),
                None => match (running.get(&file), moving.get(&file)) {
                    (Some(watts), _) => Ok(format!("{:.0}\n", start.elapsed().as_secs_f64() * watts * 1e6)),
                    (_, Some(watts)) => Ok(format!("{:.0}\n", watts(start.elapsed().as_secs_f64()) * 1e6)),
                    _ => std::fs::read_to_string(path),
                },
            }
        };
        Tree::with_reader(self.directory.path(), Arc::new(read))
    }

    /// A RAPL zone with a range of 262143.328850 J, as most parts have, and limits of 200 W and 240 W.
    pub(crate) fn rapl_zone(&self, zone: &str, name: &str, energy_uj: u64) {
        let file = |attribute: &str| format!("class/powercap/{zone}/{attribute}");
        self.write(&file("name"), &format!("{name}\n"));
        self.write(&file("energy_uj"), &format!("{energy_uj}\n"));
        self.write(&file("max_energy_range_uj"), "262143328850\n");
        self.write(&file("constraint_0_name"), "long_term\n");
        self.write(&file("constraint_0_power_limit_uw"), "200000000\n");
        self.write(&file("constraint_1_name"), "short_term\n");
        self.write(&file("constraint_1_power_limit_uw"), "240000000\n");
    }

    pub(crate) fn set_energy(&self, zone: &str, energy_uj: u64) {
        self.write(&format!("class/powercap/{zone}/energy_uj"), &format!("{energy_uj}\n"));
    }

    /// An amdgpu board at 0000:03:00.0 with a cap of 300 W.
    pub(crate) fn amdgpu(&self, chip: &str, power_uw: &str) {
        let file = |attribute: &str| format!("class/hwmon/{chip}/{attribute}");
        self.write(&file("name"), "amdgpu\n");
        self.write(&file("power1_average"), power_uw);
        self.write(&file("power1_cap"), "300000000\n");
        self.write(&file("device/vendor"), "0x1002\n");
        self.write(&file("device/uevent"), "DRIVER=amdgpu\nPCI_ID=1002:744C\nPCI_SLOT_NAME=0000:03:00.0\n");
    }
}

/// The state of a fake board, which the test changes under the meter.
pub(crate) struct BoardState {
    /// The board's own clock, in seconds.
    pub(crate) time_s: f64,
    /// What it draws, in watts.
    pub(crate) power_w: f64,
    /// The counter in millijoules is `rate · power · time`, renewed every `period_s`, plus `offset_mj`.
    pub(crate) period_s: f64,
    pub(crate) rate: f64,
    pub(crate) offset_mj: u64,
    /// Values given in place of the true ones.
    pub(crate) energy_says: Option<Result<u64, NoData>>,
    pub(crate) power_says: Option<Result<u64, NoData>>,
    pub(crate) limit_says: Result<u64, NoData>,
    pub(crate) reasons_say: Result<u64, NoData>,
    /// Everything answers so, and the board cannot be found again.
    pub(crate) failure: Option<NoData>,
    pub(crate) pci_address: Option<String>,
    /// How often its power was asked for.
    pub(crate) powers_asked: u32,
}

impl Default for BoardState {
    fn default() -> BoardState {
        BoardState {
            time_s: 100.0,
            power_w: 250.0,
            period_s: 0.02,
            rate: 1.0,
            offset_mj: 5_000_000,
            energy_says: None,
            power_says: None,
            limit_says: Ok(700_000),
            reasons_say: Err(NoData::NotSupported),
            failure: None,
            pci_address: Some("00000000:65:00.0".to_owned()),
            powers_asked: 0,
        }
    }
}

/// A board that says what its state says; its clones are the same board.
#[derive(Clone)]
pub(crate) struct FakeBoard {
    state: Arc<Mutex<BoardState>>,
    identity: Identity,
    /// Since when its time is the machine's; none where the test moves it.
    running_since: Option<Instant>,
}

impl Default for FakeBoard {
    fn default() -> FakeBoard {
        FakeBoard::with(|_| ())
    }
}

impl FakeBoard {
    pub(crate) fn with(change: impl FnOnce(&mut BoardState)) -> FakeBoard {
        let mut state = BoardState::default();
        change(&mut state);
        let identity = Identity {
            name: "NVIDIA Test Board".to_owned(),
            id: "GPU-0".to_owned(),
            pci_address: state.pci_address.clone(),
            architecture: Architecture::BeforeAmpere,
        };
        FakeBoard { state: Arc::new(Mutex::new(state)), identity, running_since: None }
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut BoardState)) {
        change(&mut self.state.lock().expect("no test panics here"));
    }

    /// The clock that a meter waits on while it opens this board.
    pub(crate) fn wait(&self) -> impl FnMut(Seconds) -> Seconds + use<> {
        let state = Arc::clone(&self.state);
        move |dt| {
            let mut state = state.lock().expect("no test panics here");
            state.time_s += dt.0;
            Seconds(state.time_s)
        }
    }

    /// The board behind its library.
    pub(crate) fn board(&self) -> NvmlBoard {
        NvmlBoard::new(Box::new(self.clone()))
    }
}

impl BoardState {
    fn answer(&mut self, question: Question) -> Result<u64, NoData> {
        let updates = (self.time_s / self.period_s).floor();
        let counted = (self.rate * self.power_w * updates * self.period_s * 1e3) as u64;
        self.powers_asked += u32::from(question == Question::PowerUsage);
        match (question, self.failure) {
            (Question::EnforcedLimit, _) => self.limit_says,
            (Question::EventReasons, _) => self.reasons_say,
            (Question::Energy | Question::PowerUsage, Some(failure)) => Err(failure),
            (Question::Energy, None) => self.energy_says.unwrap_or(Ok(counted + self.offset_mj)),
            (Question::PowerUsage, None) => self.power_says.unwrap_or(Ok((self.power_w * 1e3) as u64)),
            _ => Err(NoData::NotSupported),
        }
    }
}

impl Device for FakeBoard {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn ask(&mut self, questions: &[Question]) -> Vec<Result<u64, NoData>> {
        let mut state = self.state.lock().expect("no test panics here");
        if let Some(since) = self.running_since {
            state.time_s = 100.0 + since.elapsed().as_secs_f64();
        }
        questions.iter().map(|&question| state.answer(question)).collect()
    }

    fn processes(&mut self) -> Result<Vec<u32>, NoData> {
        Err(NoData::NotSupported)
    }

    fn reopen(&mut self) -> Result<(), NoData> {
        self.state.lock().expect("no test panics here").failure.map_or(Ok(()), Err)
    }
}

/// A driver with the boards it is given, which run on the machine's clock; or with none, and why.
#[derive(Clone)]
pub(crate) struct FakeDriver(pub(crate) Result<Vec<FakeBoard>, Refusal>);

impl BoardDriver for FakeDriver {
    fn name(&self) -> &'static str {
        "nvml"
    }

    fn boards(&self) -> Boards {
        let running = |board: &FakeBoard| -> Result<Box<dyn Device>, Refusal> {
            Ok(Box::new(FakeBoard { running_since: Some(Instant::now()), ..board.clone() }))
        };
        self.0.clone().map(|boards| boards.iter().map(running).collect())
    }
}
