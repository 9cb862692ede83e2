use proptest::prelude::*;
use zktee_core::vocabulary::Outcome;

use super::*;

/// A made-up answer.
fn answer(sample: u32) -> GenerationRow {
    GenerationRow {
        workload: "llm-made-up".into(),
        backend: "native".into(),
        round: sample,
        sample,
        prompt_eval_count: 8,
        prompt_eval_duration_ns: 3000,
        eval_count: 3,
        eval_duration_ns: 600,
        load_duration_ns: 0,
        first_token_ns: 3100,
        finish: Finish::Length,
        peak_rss_bytes: None,
        response_sha256: "0f".repeat(32),
        text: "two\nlines, \"quoted\"".into(),
    }
}

fn token(sample: u32, position: u32) -> TokenRow {
    TokenRow {
        workload: "llm-made-up".into(),
        backend: "native".into(),
        sample,
        position,
        token: 7,
        latency_ns: 100 + u64::from(position),
    }
}

fn measured(sample: u32) -> Sample {
    let id = CellId::new("llm-made-up", "native");
    Sample { sample, outcome: Outcome::Measured, ..Sample::blank(&id, Phase::Infer) }
}

fn text<T: serde::Serialize>(rows: &[T]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    rows.iter().for_each(|row| writer.serialize(row).unwrap());
    String::from_utf8(writer.into_inner().unwrap()).unwrap()
}

fn three(sample: u32) -> Vec<TokenRow> {
    (0..3).map(|position| token(sample, position)).collect()
}

#[test]
fn rows_are_read_as_they_were_written_texts_of_several_lines_too() {
    let rows = [answer(0), answer(1)];
    assert_eq!(answers(Path::new("generations.csv"), text(&rows).as_bytes()).unwrap(), rows);
    let rows = [three(0), three(1)].concat();
    assert_eq!(tokens(Path::new("tokens.csv"), text(&rows).as_bytes()).unwrap(), rows);
}

/// What is said of damage.
fn said(change: impl Fn(String) -> String) -> String {
    let text = change(text(&[answer(0), answer(1)]));
    answers(Path::new("generations.csv"), text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn damage_is_named_with_file_line_and_column() {
    let of = |from: &'static str, to: &'static str| said(move |t| t.replacen(from, to, 1));
    for (from, to, parts) in [
        (",3,600,", ",three,600,", ["line 2, column `eval_count`", "`three`"]),
        (",3,600,", ",9999,600,", ["line 2, column `eval_count`", "no response has more than 8192 tokens"]),
        (",3,600,", ",3,0,", ["line 2, column `eval_duration_ns`", "took no time"]),
        (",3,600,", ",3,-600,", ["line 2, column `eval_duration_ns`", "invalid digit"]),
        ("length", "enough", ["line 2, column `finish`", "unknown variant `enough`"]),
        ("0f0f", "0F0f", ["line 2, column `response_sha256`", "no SHA-256"]),
        ("0f0f", "0f", ["line 2, column `response_sha256`", "no SHA-256"]),
        ("finish", "end", ["line 1: the header is damaged", "missing finish"]),
        (",length,", ",length,5,", ["line 2", "15 fields where there must be 14"]),
    ] {
        let said = of(from, to);
        assert!(said.starts_with("generations.csv, line "), "{said}");
        assert!(parts.iter().all(|part| said.contains(part)), "{to}: {said}");
    }
    // The second answer begins on line 4, since the first one's text is two lines.
    let second = said(|t| t.replacen("1,1,8,", "1,1,eight,", 1));
    assert!(second.contains("line 4, column `prompt_eval_count`"), "{second}");
}

#[test]
fn tokens_that_do_not_follow_each_other_are_damage() {
    let read = |rows: &[TokenRow]| tokens(Path::new("tokens.csv"), text(rows).as_bytes());
    let error = read(&[token(0, 0), token(0, 2)]).unwrap_err().to_string();
    assert!(error.contains("tokens.csv, line 3, column `position`: 2 where 1 must follow"), "{error}");
    let error = read(&[token(0, 1)]).unwrap_err().to_string();
    assert!(error.contains("line 2, column `position`: 1 where 0 must follow"), "{error}");
    // Those of two answers may alternate, and an answer may be taken again.
    assert!(read(&[token(0, 0), token(1, 0), token(1, 1), token(0, 1), token(0, 0)]).is_ok());
}

#[test]
fn of_an_answer_that_was_taken_again_the_last_stands_and_one_without_its_sample_none() {
    let mut again = answer(0);
    again.eval_duration_ns = 700;
    let torn = vec![token(0, 0), token(0, 1)];
    let mut warnings = Vec::new();
    let found = put_together(
        vec![answer(0), again.clone(), answer(5)],
        [torn, three(0), three(5)].concat(),
        &[measured(0)],
        &mut warnings,
    );
    assert_eq!((found.answers, found.tokens), (vec![again], three(0)));
    let cell = CellId::new("llm-made-up", "native");
    assert_eq!(
        warnings,
        [
            Warning::NoSample { file: files::GENERATIONS, cell: cell.clone(), rows: 1 },
            Warning::NoSample { file: files::TOKENS, cell, rows: 3 }
        ]
    );
    let failed = Sample { outcome: Outcome::Crashed, ..measured(0) };
    assert_eq!(put_together(vec![answer(0)], Vec::new(), &[failed], &mut Vec::new()).answers, []);
}

#[test]
fn tokens_that_are_not_all_there_are_left_out_and_times_that_cannot_be_are_told_of() {
    let mut warnings = Vec::new();
    let mut short = answer(1);
    short.eval_duration_ns = 200;
    let rows = [three(0)[..2].to_vec(), three(1)].concat();
    let found = put_together(vec![answer(0), short], rows, &[measured(0), measured(1)], &mut warnings);
    assert_eq!((found.answers.len(), found.tokens), (2, three(1)));
    let said: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    assert!(said[0].contains("sample 0 of `llm-made-up@native` are 2 where the response has 3"), "{said:?}");
    assert!(said[1].contains("take longer together than the response"), "{said:?}");
}

#[test]
fn a_row_that_was_not_written_to_its_end_is_left_out_wherever_it_broke_off() {
    let dir = tempfile::tempdir().unwrap();
    let whole = text(&[answer(0), answer(1)]);
    let second = whole.match_indices("llm-made-up").nth(1).unwrap().0;
    for cut in second + 1..whole.len() {
        std::fs::write(dir.path().join(files::GENERATIONS), &whole[..cut]).unwrap();
        let mut warnings = Vec::new();
        let found = load(dir.path(), &[measured(0), measured(1)], &mut warnings).unwrap();
        assert_eq!(found.answers, [answer(0)], "{cut}");
        assert_eq!(warnings[0], Warning::TornRow { file: files::GENERATIONS, line: 4 }, "{cut}");
    }
}

#[test]
fn no_files_are_no_language_models() {
    let dir = tempfile::tempdir().unwrap();
    let mut warnings = Vec::new();
    assert_eq!(load(dir.path(), &[measured(0)], &mut warnings).unwrap(), Generations::default());
    assert!(warnings.is_empty());
}

proptest! {
    #[test]
    fn bytes_of_any_kind_make_nothing_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), row in "[-a-z0-9,\"\n]{0,120}") {
        crate::fuzzing::generations(&bytes);
        for bytes in crate::fuzzing::with_headers_of_generations(row.as_bytes()) {
            crate::fuzzing::generations(&bytes);
        }
    }
}
