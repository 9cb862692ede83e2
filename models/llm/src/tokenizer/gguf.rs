//! The tokenizer inside a GGUF file, of the kind that joins pairs of bytes. What is cut how, and what ends a response, is as llama.cpp has it.

use super::json::GPT2_CUTS;
use super::pairs::{Pairs, Parts, Special};
use crate::error::LlmError;
use crate::gguf::GgufTokenizer;

/// GGUF's types of tokens.
const UNKNOWN: i32 = 2;
const CONTROL: i32 = 3;
const USER_DEFINED: i32 = 4;

const SMOLLM: &[&str] = &[r"\p{N}", GPT2_CUTS[0]];
const DEFAULT: &[&str] = &[r"[\p{P}\$\+<=>\^~\|]+", GPT2_CUTS[0], r"\p{N}+", r"[0-9][0-9][0-9]"];
const LLAMA_3: &[&str] = &[
    r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
];
const QWEN_2: &[&str] = &[
    r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
];

/// Texts of tokens that end a response beside those that the file names as such: ends of texts and turns, and what stands between files.
const ENDS: &[&str] = &[
    "<|eot_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<end_of_turn>",
    "<|endoftext|>",
    "<|eom_id|>",
    "<EOT>",
    "_<EOT>",
    "<|fim_pad|>",
    "<fim-pad>",
    "<PAD>",
    "<|fim_repo|>",
    "<|repo_name|>",
    "<fim-repo>",
    "<REPO>",
    "<reponame>",
    "<|file_sep|>",
];

/// How a kind of tokenizer cuts texts.
struct Cut {
    cuts: &'static [&'static str],
    whole_words: bool,
    /// Whether a text begins with the token for it, where the file does not say.
    first: bool,
}

impl Cut {
    /// By its name in the file.
    fn of(name: &str) -> Result<Self, LlmError> {
        let plain = |cuts| Ok(Self { cuts, whole_words: false, first: false });
        match name {
            "" | "default" => plain(DEFAULT),
            "gpt-2" | "phi-2" | "mpt" | "olmo" | "jais" => plain(GPT2_CUTS),
            "smollm" | "starcoder" | "refact" | "command-r" | "codeshell" | "exaone" => plain(SMOLLM),
            "qwen2" | "deepseek-r1-qwen" | "stablelm2" => plain(QWEN_2),
            "llama-bpe" | "llama3" | "llama-v3" | "falcon3" => {
                Ok(Self { cuts: LLAMA_3, whole_words: true, first: true })
            }
            other => Err(LlmError::Unsupported(format!("pre-tokenizer {other:?}"))),
        }
    }
}

/// Makes the tokenizer of a file, for a network with so many tokens.
///
/// # Errors
/// [`LlmError::Unsupported`] names what is not known here, [`LlmError::Tokenizer`] what does not fit.
pub(crate) fn read(file: GgufTokenizer, vocabulary: usize) -> Result<Pairs, LlmError> {
    if file.model != "gpt2" {
        return Err(LlmError::Unsupported(format!("tokenizer {:?}; \"gpt2\" (pairs of bytes) is read", file.model)));
    }
    let cut = Cut::of(&file.pre)?;
    if file.tokens.len() != vocabulary {
        return Err(LlmError::Tokenizer(format!("it has {} tokens, the network {vocabulary}", file.tokens.len())));
    }
    if file.merges.is_empty() {
        return Err(LlmError::Tokenizer("it has no merges".into()));
    }
    let merge = |merge: &String| match merge.split_once(' ') {
        Some((left, right)) if !right.contains(' ') => Ok((left.to_owned(), right.to_owned())),
        _ => Err(LlmError::Tokenizer(format!("{merge:?} is no merge"))),
    };
    let merges = file.merges.iter().map(merge).collect::<Result<_, _>>()?;
    let ends_by_text =
        (0..).zip(&file.tokens).filter(|(_, text)| ENDS.contains(&text.as_str())).map(|(token, _)| token);
    let ends = file.eos.into_iter().chain(file.eot).chain(ends_by_text).collect();
    let special = (0..).zip(&file.token_types).filter_map(|(token, kind)| match *kind {
        UNKNOWN | CONTROL => Some(Special { token, control: true }),
        USER_DEFINED => Some(Special { token, control: false }),
        _ => None,
    });
    let parts = Parts {
        merges,
        whole_words: cut.whole_words,
        cuts: cut.cuts,
        special: special.collect(),
        first: file.bos.filter(|_| file.add_bos.unwrap_or(cut.first)),
        ends,
        tokens: file.tokens.into_iter().map(Some).collect(),
    };
    Pairs::new(parts, vocabulary)
}

#[cfg(test)]
mod tests {
    use super::super::pairs::letter;
    use super::*;

    fn file() -> GgufTokenizer {
        let mut tokens: Vec<_> = (0..=u8::MAX).map(|byte| letter(byte).to_string()).collect();
        tokens.extend(["12", "ab", "abc", "<s>", "<|im_end|>", "<user>"].map(String::from));
        let mut token_types = vec![1; 262];
        token_types[259..].copy_from_slice(&[CONTROL, CONTROL, USER_DEFINED]);
        GgufTokenizer {
            model: "gpt2".into(),
            pre: "gpt-2".into(),
            tokens,
            merges: vec!["1 2".into(), "a b".into()],
            token_types,
            scores: Vec::new(),
            bos: Some(259),
            eos: None,
            eot: None,
            unknown: None,
            add_bos: None,
            add_space_prefix: None,
        }
    }

    fn tokens(pre: &str, text: &str) -> Vec<u32> {
        read(GgufTokenizer { pre: pre.into(), ..file() }, 262).unwrap().encode(text).unwrap()
    }

    #[test]
    fn each_kind_cuts_in_its_own_way() {
        assert_eq!(tokens("gpt-2", "a12"), [97, 256]);
        assert_eq!(tokens("smollm", "a12"), [97, 49, 50]);
        assert_eq!(tokens("qwen2", "a12"), [97, 49, 50]);
        assert_eq!(tokens("default", "a12"), [97, 256]);
        // Which also takes whole words, and begins with a token.
        assert_eq!(tokens("llama-bpe", "abc12"), [259, 258, 256]);
        assert_eq!(tokens("gpt-2", "abc"), [257, 99]);
        assert!(
            matches!(read(GgufTokenizer { pre: "other".into(), ..file() }, 262), Err(LlmError::Unsupported(what)) if what.contains("other"))
        );
        let told = GgufTokenizer { add_bos: Some(true), ..file() };
        assert_eq!(read(told, 262).unwrap().encode("b").unwrap(), [259, 98]);
    }

    #[test]
    fn special_tokens_are_found_and_only_those_of_users_are_said() {
        assert_eq!(tokens("gpt-2", "b<|im_end|><user>"), [98, 260, 261]);
        let pairs = read(file(), 262).unwrap();
        assert_eq!((pairs.bytes(260), pairs.bytes(261)), (b"".as_slice(), b"<user>".as_slice()));
        assert!(pairs.ends(260) && !pairs.ends(259));
        let named = read(GgufTokenizer { eos: Some(97), eot: Some(98), ..file() }, 262).unwrap();
        assert!(named.ends(97) && named.ends(98) && named.ends(260));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let refused = |file, vocabulary, why: &str| {
            let error = read(file, vocabulary).expect_err(why).to_string();
            assert!(error.contains(why), "{error}");
        };
        refused(GgufTokenizer { model: "bert".into(), ..file() }, 262, "tokenizer \"bert\"");
        refused(file(), 263, "it has 262 tokens, the network 263");
        refused(GgufTokenizer { merges: Vec::new(), ..file() }, 262, "no merges");
        refused(GgufTokenizer { merges: vec!["ab".into()], ..file() }, 262, "\"ab\" is no merge");
        refused(GgufTokenizer { merges: vec!["a b c".into()], ..file() }, 262, "is no merge");
        refused(GgufTokenizer { merges: vec!["a c".into()], ..file() }, 262, "part of a merge");
    }

    /// llama.cpp's tokens, where SmolLM2's file is there: the environment variable `ZKTEE_LLM_GGUF` names it.
    #[test]
    fn texts_have_the_tokens_of_llama_cpp() {
        #[derive(serde::Deserialize)]
        struct Fixture {
            texts: Vec<Text>,
        }
        #[derive(serde::Deserialize)]
        struct Text {
            text: String,
            tokens: Vec<u32>,
        }
        let Some(path) = std::env::var_os("ZKTEE_LLM_GGUF") else {
            eprintln!("not compared: ZKTEE_LLM_GGUF names no file");
            return;
        };
        let bytes = std::fs::read(path).unwrap();
        let file = GgufTokenizer::of(&crate::gguf::Gguf::parse(&bytes).unwrap()).unwrap();
        let pairs = read(file, 49152).unwrap();
        let fixture: Fixture = serde_json::from_str(include_str!("../../tests/fixtures/smollm2.json")).unwrap();
        assert!(fixture.texts.len() > 12);
        for Text { text, tokens } in fixture.texts {
            assert_eq!(pairs.encode(&text).unwrap(), tokens, "{text:?}");
        }
    }
}
