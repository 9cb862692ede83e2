use super::scene::{Item, Text};
use super::*;
use crate::cell::Cell;
use crate::language::{LanguageCell, Latencies};
use zktee_core::vocabulary::{Outcome, SecurityBasis};

fn texts(plot: &Plot) -> Vec<&Text> {
    plot.scene.items.iter().filter_map(|i| if let Item::Text(t) = i { Some(t) } else { None }).collect()
}

/// Cells with times from nanoseconds to hours, long names, long reasons, errors of zero.
fn cells() -> Vec<Cell> {
    let mut cells = Vec::new();
    for workload in ["ols-iris", "mlp-iris", "a-workload-with-a-name-that-is-far-longer-than-any-label-has-room-for"] {
        for i in 0..9u32 {
            let time = 10f64.powi(i as i32 - 5) * 3.3;
            cells.push(Cell {
                workload: workload.to_owned(),
                backend: if i == 3 {
                    "backend/with-quite-a-long-profile-name-indeed".to_owned()
                } else {
                    format!("b{i}")
                },
                outcome: if i == 8 { Outcome::Crashed } else { Outcome::Measured },
                reason: (i == 8).then(|| "a reason that goes on and on ".repeat(30)),
                infer_wall_s_median: Some(time),
                prove_wall_s_median: Some(time * 2.0),
                prove_wall_s_ci_low: Some(time),
                prove_wall_s_ci_high: Some(time * 4.0),
                total_wall_s_median: Some(time * 3.0),
                max_abs_error: Some(if i % 2 == 0 { 0.0 } else { time * 1e-6 }),
                proof_bytes: Some(u64::from(i) * 1000),
                peak_rss_bytes: Some(1 << (20 + i)),
                security_basis: Some(SecurityBasis::Conjectured),
                ..Cell::blank()
            });
        }
    }
    cells
}

/// Two families, one of so many backends that their colours go round, and one in which all but the memory is missing.
fn families() -> Vec<Cell> {
    let mut cells = Vec::new();
    for (i, size) in ["1k", "32k", "1m", "8m"].into_iter().enumerate() {
        for backend in 0..12u32 {
            let time = 1e-6 * 32f64.powi(i as i32) * f64::from(backend + 1);
            let failed = backend > 8 && i > 1;
            cells.push(Cell {
                workload: format!("mlp-scale-{size}"),
                backend: format!("backend-{backend}/with-quite-a-long-profile-name"),
                outcome: if failed { Outcome::OutOfMemory } else { Outcome::Measured },
                calls: 1,
                batch: 1,
                multiplications: Some(1000 * 32u64.pow(i as u32)),
                prove_wall_s_median: Some(time),
                prove_wall_s_ci_low: Some(time * 0.7),
                prove_wall_s_ci_high: Some(time * 1.4),
                prove_cpu_s_median: Some(time * 2.0),
                verify_wall_s_median: Some(0.01),
                proof_bytes: Some(20_000),
                peak_rss_bytes: Some(1 << (22 + i)),
                security_basis: Some(SecurityBasis::Conjectured),
                ..Cell::blank()
            });
        }
        cells.push(Cell {
            workload: format!("mine-scale-{size}"),
            backend: "native".to_owned(),
            outcome: Outcome::Measured,
            calls: 1,
            batch: 1,
            // Up to a tick whose label is as wide as any that stands at an end.
            multiplications: Some(1000 << (4 * i + usize::from(i == 3))),
            peak_rss_bytes: Some(1 << 20),
            ..Cell::blank()
        });
    }
    cells
}

#[test]
fn a_family_has_one_figure_and_stands_in_no_other() {
    let mut cells = families();
    let plots = all(&cells, &Claims::built_in(), 5);
    assert_eq!(plots.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["scaling-mlp-scale", "scaling-mine-scale"]);
    let words: Vec<&str> = texts(&plots[0]).into_iter().map(|t| t.words.as_str()).collect();
    for said in
        ["Time to prove or attest", "Time to verify", "Size of proof or attestation", "Peak memory of any phase"]
    {
        assert!(words.contains(&said), "{said}");
    }
    assert!(
        words.iter().any(|w| w.starts_with("Not in the plot: backend-9") && w.contains("8m (out-of-memory)")),
        "{words:?}"
    );
    assert!(texts(&plots[1]).iter().filter(|t| t.words == "no backend of this run has it").count() == 3);

    // One member alone, and one whose multiplications are not known, are workloads like any other.
    cells.retain(|cell| cell.workload == "mlp-scale-1k" || cell.workload.starts_with("mine"));
    cells.iter_mut().filter(|cell| cell.workload.starts_with("mine")).for_each(|cell| cell.multiplications = None);
    let plots = all(&cells, &Claims::built_in(), 5);
    assert!(
        plots.iter().any(|p| p.name == "time-mlp-scale-1k") && plots.iter().all(|p| !p.name.starts_with("scaling"))
    );
}

/// Language models from nanoseconds to minutes a token, with names and responses that are far too long, and one that failed.
fn of_language() -> Vec<Plot> {
    let cells = cells();
    let language: Vec<LanguageCell> = cells
        .iter()
        .enumerate()
        .map(|(i, cell)| LanguageCell {
            workload: cell.workload.clone(),
            backend: cell.backend.clone(),
            outcome: cell.outcome,
            random_weights: i % 2 == 0,
            tokens_per_s_median: Some(1e3 / 7f64.powi(i as i32 % 9)),
            ..LanguageCell::blank()
        })
        .collect();
    let tokens = |i: usize, n: u64| (0..n).map(|at| 10u64.pow(i as u32 + 2) * (100 + at)).collect();
    let latencies: Vec<Latencies> = cells
        .iter()
        .enumerate()
        .map(|(i, cell)| Latencies {
            workload: &cell.workload,
            backend: &cell.backend,
            tag: (i == 1).then_some("simulated, extrapolated"),
            answers: (0..30).map(|n| tokens(i % 9, [2, 36, 8192][i % 3] - n % 2)).collect(),
        })
        .collect();
    super::language(&cells, &language, &latencies, &Claims::built_in())
}

#[test]
fn a_long_response_has_few_points_and_many_answers_few_lines() {
    let plots = of_language();
    let names: Vec<&str> = plots.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names[..3], ["language-speed", "language-latency-ols-iris", "language-latency-mlp-iris"]);
    for plot in &plots[1..] {
        let paths = plot
            .scene
            .items
            .iter()
            .filter_map(|item| if let Item::Path { points, .. } = item { Some(points) } else { None });
        let paths: Vec<_> = paths.collect();
        assert!(paths.len() <= 9 * 25 && paths.len() > 9, "{}", paths.len());
        assert!(paths.iter().all(|points| !points.is_empty() && points.len() <= 400));
    }
    let words: Vec<&str> = texts(&plots[0]).into_iter().map(|t| t.words.as_str()).collect();
    assert!(words.contains(&"1.63 tokens/s claimed") && words.contains(&"GPT2-XL (article)"), "{words:?}");
    assert!(words.iter().any(|it| it.starts_with("crashed: a reason")));
}

#[test]
fn no_text_overlaps_another_or_leaves_the_plot() {
    let plots = all(&cells(), &Claims::built_in(), 5).into_iter().chain(all(&families(), &Claims::built_in(), 5));
    for plot in plots.chain(of_language()) {
        let texts = texts(&plot);
        assert!(texts.len() > 10);
        for (i, a) in texts.iter().enumerate() {
            let (left, top, right, bottom) = a.corners();
            assert!(
                left >= 0.0 && top >= 0.0 && right <= plot.scene.width && bottom <= plot.scene.height,
                "{}: {:?} leaves the plot: {:?}",
                plot.name,
                a.words,
                a.corners()
            );
            for b in &texts[i + 1..] {
                let (l, t, r, d) = b.corners();
                let apart = right <= l || r <= left || bottom <= t || d <= top;
                assert!(apart, "{}: {:?} overlaps {:?}", plot.name, a.words, b.words);
            }
        }
    }
}

#[test]
fn every_cell_is_in_every_plot_of_times_by_name() {
    let cells = cells();
    let plots = all(&cells, &Claims::built_in(), 5);
    let shown: Vec<String> = plots
        .iter()
        .filter(|p| p.name.starts_with("time"))
        .flat_map(|p| texts(p).into_iter().map(|t| t.words.clone()))
        .collect();
    for i in [0, 4, 8] {
        assert!(shown.contains(&format!("b{i}")));
    }
    assert!(shown.iter().any(|t| t.starts_with("crashed: a reason")));
}

#[test]
fn nothing_at_all_draws_nothing_and_hostile_names_stay_text() {
    assert!(all(&[], &Claims::built_in(), 5).is_empty());
    let evil = Cell {
        workload: "../<script>\u{1b}[31m".to_owned(),
        backend: "</text><script>alert(1)</script>".to_owned(),
        outcome: Outcome::Refused,
        reason: Some("\u{0}&<>\"'".to_owned()),
        ..Cell::blank()
    };
    for plot in
        all(&[evil.clone(), Cell { workload: "..;<script>\u{1b}[31m".to_owned(), ..evil }], &Claims::built_in(), 5)
    {
        assert!(plot.name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)), "{}", plot.name);
        let svg = plot.svg(&palette::LIGHT);
        assert!(!svg.contains("<script") && !svg.chars().any(|c| c.is_control() && c != '\n'));
    }
}

#[test]
fn file_names_are_safe_and_differ() {
    let mut used = Vec::new();
    assert_eq!(file_part("mlp-iris", &mut used), "mlp-iris");
    assert_eq!(file_part("a/b", &mut used), "a_b");
    assert_eq!(file_part("a.b", &mut used), "a_b-2");
    assert_eq!(file_part("..", &mut used), "__");
}
