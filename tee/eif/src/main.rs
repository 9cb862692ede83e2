//! Packs and measures enclave images. `scripts/enclave/build-eif` calls it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use zktee_eif::{EifError, Image, MAX_IMAGE, Measurements, Ramdisk};

/// Packs and measures enclave images (EIF).
#[derive(Debug, Parser)]
#[command(name = "zktee-eif", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write an image of a kernel and folders and print its registers as JSON.
    Pack {
        /// The kernel (bzImage).
        #[arg(long, value_name = "FILE")]
        kernel: PathBuf,
        /// The kernel's command line.
        #[arg(long, value_name = "TEXT")]
        cmdline: String,
        /// A folder that becomes a ramdisk: the first boots, the others are the application.
        #[arg(long = "ramdisk", value_name = "DIR", required = true)]
        ramdisks: Vec<PathBuf>,
        /// What the image calls itself. Nothing measures it.
        #[arg(long, value_name = "TEXT")]
        name: String,
        /// The kernel's version, for those who describe the image. Nothing measures it.
        #[arg(long, value_name = "TEXT")]
        kernel_version: String,
        /// Where the image goes.
        #[arg(long, value_name = "FILE")]
        output: PathBuf,
    },
    /// Read an image and print its registers as JSON, computed from its bytes.
    Measure {
        /// The image.
        #[arg(value_name = "FILE")]
        image: PathBuf,
    },
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Pack { kernel, cmdline, ramdisks, name, kernel_version, output } => {
            let metadata = metadata(&name, &kernel_version);
            pack(&kernel, cmdline, &ramdisks, metadata, &output)
        }
        Command::Measure { image } => read(&image).and_then(|bytes| Ok(Image::parse(&bytes)?.measure())),
    };
    match done {
        Ok(measurements) => {
            println!("{measurements}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("zktee-eif: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What AWS's tools show of an image, with the names that they look for. No time: an image built again is the same.
fn metadata(name: &str, kernel_version: &str) -> Vec<u8> {
    let json = serde_json::json!({
        "ImageName": name,
        "ImageVersion": env!("CARGO_PKG_VERSION"),
        "BuildMetadata": {
            "BuildTime": "1970-01-01T00:00:00+00:00",
            "BuildTool": env!("CARGO_PKG_NAME"),
            "BuildToolVersion": env!("CARGO_PKG_VERSION"),
            "OperatingSystem": "Linux",
            "KernelVersion": kernel_version,
        },
        "DockerInfo": {},
        "CustomMetadata": null,
    });
    json.to_string().into_bytes()
}

fn pack(
    kernel: &Path,
    cmdline: String,
    folders: &[PathBuf],
    metadata: Vec<u8>,
    output: &Path,
) -> Result<Measurements, EifError> {
    let mut ramdisks = Vec::new();
    for (index, folder) in folders.iter().enumerate() {
        let ramdisk = Ramdisk::from_folder(folder)?;
        // What a program needs before there is a /dev: the console as its standard streams, or null in their place.
        let boots = index == 0;
        let ramdisk =
            if boots { ramdisk.with_device("dev/console", 5, 1).with_device("dev/null", 1, 3) } else { ramdisk };
        ramdisks.push(ramdisk.to_bytes()?);
    }
    let image = Image { kernel: read(kernel)?, cmdline, ramdisks, metadata };
    let bytes = image.to_bytes()?;
    std::fs::write(output, bytes).map_err(|source| EifError::Io { path: output.to_owned(), source })?;
    Ok(image.measure())
}

fn read(path: &Path) -> Result<Vec<u8>, EifError> {
    use std::io::Read as _;
    let failed = |source| EifError::Io { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    // One more than an image may have is enough to see that there are too many.
    std::fs::File::open(path).and_then(|file| file.take(MAX_IMAGE + 1).read_to_end(&mut bytes)).map_err(failed)?;
    Ok(bytes)
}
