use super::writer::Writer;
use super::*;

/// A file of two tensors.
fn sound() -> Writer {
    let mut writer = Writer::default();
    writer.text("general.architecture", "llama").u32("llama.block_count", 7).f32("llama.epsilon", 0.5);
    writer.texts("tokenizer.ggml.tokens", &["a", "b"]).text("tokenizer.ggml.model", "gpt2");
    writer.tensor("one", &[32, 2], Kind::Q8_0, &[1; 68]).tensor("two", &[3], Kind::F32, &[2; 12]);
    writer
}

#[track_caller]
fn refused(file: &[u8], why: &str) {
    let error = Gguf::parse(file).expect_err(why).to_string();
    assert!(error.contains(why), "{error}");
}

#[test]
fn what_was_written_is_read() {
    let file = sound().file();
    let gguf = Gguf::parse(&file).unwrap();
    assert_eq!(gguf.metadata.text("general.architecture").unwrap(), Some("llama"));
    assert_eq!(gguf.metadata.count("llama.block_count").unwrap(), Some(7));
    assert_eq!(gguf.metadata.float("llama.epsilon").unwrap(), Some(0.5));
    assert_eq!(gguf.metadata.texts("tokenizer.ggml.tokens").unwrap(), Some(["a", "b"].as_slice()));
    assert_eq!(gguf.metadata.count("nothing").unwrap(), None);
    assert!(gguf.metadata.count("general.architecture").is_err(), "a text is no count");
    let one = gguf.tensor("one", 2, 32).unwrap();
    assert_eq!((one.kind, one.data), (Kind::Q8_0, [1; 68].as_slice()));
    assert_eq!(gguf.tensor("two", 1, 3).unwrap().data, [2; 12]);
    assert!(gguf.tensor("one", 32, 2).is_err(), "another shape");
    assert!(gguf.tensor("three", 1, 1).is_err());
    assert_eq!(gguf.tensors().count(), 2);
    let tokenizer = GgufTokenizer::of(&gguf).unwrap();
    assert_eq!(tokenizer.tokens, ["a", "b"]);
}

#[test]
fn a_file_that_ends_early_is_refused_wherever_it_ends() {
    let file = sound().file();
    for length in 0..file.len() {
        assert!(matches!(Gguf::parse(&file[..length]), Err(LlmError::Damaged(_))), "{length}");
    }
}

#[test]
fn versions_and_types_that_are_not_known_are_refused() {
    let mut file = sound().file();
    file[4] = 1;
    refused(&file, "version 1 of GGUF");
    file[0] = b'X';
    refused(&file, "magic");
    refused(&sound().described("odd", &[32], 99, 96).file(), "type 99");
    refused(&sound().entry("odd", 13, &[]).file(), "odd has type 13");
    refused(&sound().entry("odd", 7, &[2]).file(), "neither true nor false");
    let nested = [9_u32.to_le_bytes().as_slice(), &[0; 8]].concat();
    refused(&sound().entry("odd", 9, &nested).file(), "arrays of arrays");
    refused(&sound().entry("odd", 8, &[1, 0, 0, 0, 0, 0, 0, 0, 0xff]).file(), "odd is not UTF-8");
}

#[test]
fn what_is_said_twice_is_refused() {
    refused(&sound().u32("llama.block_count", 7).file(), "llama.block_count is said twice");
    refused(&sound().tensor("one", &[1], Kind::F32, &[0; 4]).file(), "tensor one is there twice");
}

#[test]
fn tensors_lie_apart_aligned_and_in_the_file() {
    refused(&sound().described("odd", &[1], 0, 64).file(), "overlaps");
    refused(&sound().described("odd", &[1], 0, 100).file(), "no multiple of 32");
    refused(&sound().described("odd", &[1], 0, 1 << 40).file(), "beyond the end");
    refused(&sound().described("odd", &[1], 0, u64::MAX - 31).file(), "beyond the end");
    refused(&sound().described("odd", &[33], 8, 0).file(), "no multiple of Q8_0's 32");
    refused(&sound().described("odd", &[0], 0, 0).file(), "a dimension that is none");
    refused(&sound().described("odd", &[1 << 40, 1 << 40], 0, 0).file(), "can be counted");
    refused(&sound().described("odd", &[1 << 62, 1, 1], 0, 0).file(), "can be counted");
    refused(&sound().described("odd", &[1; 5], 0, 0).file(), "5 dimensions");
    refused(&sound().described("odd", &[], 0, 0).file(), "0 dimensions");
    refused(&sound().described(&"n".repeat(65), &[1], 0, 0).file(), "64 are the most");
}

#[test]
fn counts_are_compared_with_the_file_before_anything_is_made_for_them() {
    for (at, why) in [(8, "tensors do not fit"), (16, "metadata entries do not fit")] {
        let mut file = sound().file();
        file[at..at + 8].copy_from_slice(&u64::MAX.to_le_bytes());
        refused(&file, why);
    }
    let array = [4_u32.to_le_bytes().as_slice(), &(1_u64 << 60).to_le_bytes()].concat();
    refused(&sound().entry("odd", 9, &array).file(), "odd do not fit");
    refused(&sound().entry("odd", 8, &(1_u64 << 60).to_le_bytes()).file(), "ends within odd");
}

#[test]
fn alignment_is_a_power_of_two() {
    for wrong in [0, 1, 33, 1 << 21] {
        refused(&sound().u32("general.alignment", wrong).file(), "general.alignment");
    }
    assert!(Gguf::parse(&sound().u32("general.alignment", 32).file()).is_ok());
    refused(&sound().u32("general.alignment", 64).file(), "no multiple of 64");
}

#[test]
fn a_tokenizer_that_contradicts_itself_is_refused() {
    let refused = |change: &dyn Fn(&mut Writer), why: &str| {
        let mut writer = sound();
        change(&mut writer);
        let file = writer.file();
        let error = GgufTokenizer::of(&Gguf::parse(&file).unwrap()).expect_err(why).to_string();
        assert!(error.contains(why), "{error}");
    };
    refused(&|writer| _ = writer.u32("tokenizer.ggml.eos_token_id", 2), "there are 2 tokens");
    let scores = [6_u32.to_le_bytes().as_slice(), &1_u64.to_le_bytes(), &[0; 4]].concat();
    refused(&|writer| _ = writer.entry("tokenizer.ggml.scores", 9, &scores), "1 of tokenizer.ggml.scores");
    let file = Writer::default().file();
    assert!(GgufTokenizer::of(&Gguf::parse(&file).unwrap()).is_err());
}
