//! Which workloads and backends a run takes: globs as a user writes them.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// A set of globs; an empty one takes everything but what stands apart.
#[derive(Clone, Debug)]
pub struct Selection {
    set: Option<GlobSet>,
    /// Those of the globs that may take what stands apart.
    apart: GlobSet,
    patterns: Vec<String>,
}

/// Names that are taken only by a glob in which a word of theirs is written out: `mlp-scale-*` and `*-scale-1k` take members of
/// the scaling study, `*` and `mlp*` do not.
#[derive(Clone, Copy, Debug, Default)]
pub struct Apart<'a> {
    /// The word.
    pub word: &'a str,
    /// The names.
    pub names: &'a [&'a str],
    /// What the names begin with, for messages; one alone stands for all names that go on from it with a dash.
    pub families: &'a [&'a str],
}

/// A glob that cannot be understood, or that matches nothing.
#[derive(Debug, thiserror::Error)]
pub enum SelectionError {
    /// Not a glob.
    #[error("{flag} {pattern}: {source}")]
    Glob {
        /// The flag that it was given by.
        flag: &'static str,
        /// The pattern.
        pattern: String,
        /// Why.
        source: globset::Error,
    },
    /// No name matches.
    #[error("{flag} {pattern}: matches none of: {known}")]
    NoMatch {
        /// The flag that it was given by.
        flag: &'static str,
        /// The pattern.
        pattern: String,
        /// What there is.
        known: String,
    },
}

impl Selection {
    /// The globs of one flag, each of which must match one of the known names. A backend's name without a profile stands for all
    /// its profiles: `ezkl` takes `ezkl/default` and `ezkl/tuned`.
    ///
    /// # Errors
    /// When a pattern is no glob or matches none of `known`.
    pub fn new(flag: &'static str, patterns: &[String], known: &[String]) -> Result<Self, SelectionError> {
        Self::with_apart(flag, patterns, known, &[])
    }

    /// The same where some names stand apart.
    ///
    /// # Errors
    /// When a pattern is no glob, or matches none of `known` and takes none of what stands apart.
    pub fn with_apart(
        flag: &'static str,
        patterns: &[String],
        known: &[String],
        aparts: &[Apart<'_>],
    ) -> Result<Self, SelectionError> {
        let glob = |pattern: &str| {
            GlobBuilder::new(pattern).literal_separator(false).build().map_err(|source| SelectionError::Glob {
                flag,
                pattern: pattern.to_owned(),
                source,
            })
        };
        let (mut all, mut of_apart) = (GlobSetBuilder::new(), GlobSetBuilder::new());
        for pattern in patterns {
            let (exact, family) = (glob(pattern)?, glob(&format!("{pattern}/*"))?);
            let matcher = (exact.compile_matcher(), family.compile_matcher());
            let mut matching = known.iter().any(|name| matcher.0.is_match(name) || matcher.1.is_match(name));
            for apart in aparts.iter().filter(|apart| !apart.word.is_empty() && pattern.contains(apart.word)) {
                let mut globs = vec![exact.clone(), family.clone()];
                if apart.families.contains(&pattern.as_str()) {
                    globs.push(glob(&format!("{pattern}-*"))?);
                }
                for glob in globs {
                    let matcher = glob.compile_matcher();
                    matching |= apart.names.iter().any(|name| matcher.is_match(name));
                    of_apart.add(glob);
                }
            }
            if !matching {
                let families = aparts.iter().flat_map(|apart| apart.families).map(|family| format!("{family}-*"));
                let known = known.iter().cloned().chain(families).collect::<Vec<_>>().join(", ");
                return Err(SelectionError::NoMatch { flag, pattern: pattern.clone(), known });
            }
            all.add(exact);
            all.add(family);
        }
        let build = |source| SelectionError::Glob { flag, pattern: patterns.join(" "), source };
        let set = if patterns.is_empty() { None } else { Some(all.build().map_err(build)?) };
        Ok(Self { set, apart: of_apart.build().map_err(build)?, patterns: patterns.to_vec() })
    }

    /// Whether a name is taken.
    pub fn takes(&self, name: &str) -> bool {
        self.set.as_ref().is_none_or(|set| set.is_match(name))
    }

    /// Whether a name is taken by a glob that begins with the name of its family, so that the family is what was asked for.
    pub fn asks_for(&self, name: &str) -> bool {
        let family = name.split('/').next().unwrap_or(name);
        self.takes(name) && self.patterns.iter().any(|pattern| pattern.starts_with(family))
    }

    /// Whether a name that stands apart is taken.
    pub fn takes_apart(&self, name: &str) -> bool {
        self.apart.is_match(name)
    }

    /// Whether a name is taken because it was written out in full: then it is wanted even where it is dear.
    pub fn names(&self, name: &str) -> bool {
        self.patterns.iter().any(|pattern| pattern == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Vec<String> {
        ["native", "ezkl/default", "ezkl/tuned"].map(String::from).to_vec()
    }

    fn taken(patterns: &[&str]) -> Vec<String> {
        let patterns: Vec<String> = patterns.iter().map(ToString::to_string).collect();
        let selection = Selection::new("--backend", &patterns, &known()).unwrap();
        known().into_iter().filter(|name| selection.takes(name)).collect()
    }

    #[test]
    fn globs_families_and_nothing_at_all() {
        assert_eq!(taken(&[]), known());
        assert_eq!(taken(&["ezkl/*"]), ["ezkl/default", "ezkl/tuned"]);
        assert_eq!(taken(&["ezkl"]), ["ezkl/default", "ezkl/tuned"]);
        assert_eq!(taken(&["*tuned", "native"]), ["native", "ezkl/tuned"]);
        assert_eq!(taken(&["*"]), known());
    }

    #[test]
    fn a_family_is_asked_for_by_its_name() {
        let asked = |patterns: &[&str]| {
            let patterns: Vec<String> = patterns.iter().map(ToString::to_string).collect();
            Selection::new("--backend", &patterns, &known()).unwrap().asks_for("ezkl/tuned")
        };
        assert!(asked(&["ezkl"]) && asked(&["ezkl/*"]) && asked(&["native", "ezkl/tuned"]));
        assert!(!asked(&[]) && !asked(&["*"]) && !asked(&["*tuned"]) && !asked(&["ezkl/default"]));
    }

    #[test]
    fn what_stands_apart_has_to_be_written_out() {
        let known = ["mlp-iris", "my-scale"].map(String::from);
        let names = ["mlp-scale-1k", "mlp-scale-1m", "cnn-scale-1m"];
        let apart = Apart { word: "scale", names: &names, families: &["mlp-scale", "cnn-scale"] };
        let taken = |patterns: &[&str]| -> Result<Vec<String>, SelectionError> {
            let patterns: Vec<String> = patterns.iter().map(ToString::to_string).collect();
            let selection = Selection::with_apart("--workload", &patterns, &known, &[apart])?;
            let table = known.iter().map(String::as_str).filter(|name| selection.takes(name));
            Ok(table.chain(names.into_iter().filter(|name| selection.takes_apart(name))).map(String::from).collect())
        };
        assert_eq!(taken(&[]).unwrap(), known);
        assert_eq!(taken(&["*"]).unwrap(), known);
        assert_eq!(taken(&["mlp*"]).unwrap(), ["mlp-iris"]);
        assert_eq!(taken(&["mlp-scale-*"]).unwrap(), ["mlp-scale-1k", "mlp-scale-1m"]);
        assert_eq!(taken(&["mlp-scale"]).unwrap(), ["mlp-scale-1k", "mlp-scale-1m"]);
        assert_eq!(taken(&["*-scale-1m", "mlp-iris"]).unwrap(), ["mlp-iris", "mlp-scale-1m", "cnn-scale-1m"]);
        assert_eq!(taken(&["{mlp,cnn}-scale-1k"]).unwrap(), ["mlp-scale-1k"]);
        assert_eq!(taken(&["*-scale*"]).unwrap(), ["my-scale", "mlp-scale-1k", "mlp-scale-1m", "cnn-scale-1m"]);
        for (pattern, said) in
            [("*-1k", "mlp-scale-*, cnn-scale-*"), ("mlp-scale-3k", "mlp-iris"), ("scale", "cnn-scale-*")]
        {
            let error = taken(&[pattern]).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn a_family_that_stands_apart_is_taken_with_all_its_profiles() {
        let apart = Apart { word: "probe", names: &["probe/a", "probe/b"], families: &[] };
        let taken = |pattern: &str| {
            let selection = Selection::with_apart("--backend", &[pattern.to_owned()], &known(), &[apart]).unwrap();
            apart.names.iter().filter(|name| selection.takes_apart(name)).count()
        };
        assert_eq!((taken("probe"), taken("probe/*"), taken("probe/b"), taken("*"), taken("native")), (2, 2, 1, 0, 0));
    }

    #[test]
    fn a_pattern_that_matches_nothing_names_the_flag_and_what_there_is() {
        let error = Selection::new("--backend", &["halo3".into()], &known()).unwrap_err().to_string();
        assert!(error.contains("--backend halo3") && error.contains("ezkl/tuned"), "{error}");
        assert!(Selection::new("--backend", &["[".into()], &known()).is_err());
    }
}
