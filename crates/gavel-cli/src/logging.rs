//! What the program tells of its work, on stderr.

use tracing_subscriber::EnvFilter;

use crate::cli::GlobalArgs;

/// The variable that says what to log, in `tracing`'s filter syntax.
const VARIABLE: &str = "GAVEL_LOG";

/// Installs the tracing subscriber: `GAVEL_LOG` if it is set, else what `-v` and `-q` say.
///
/// # Errors
/// When `GAVEL_LOG` is not a filter.
pub fn install(args: &GlobalArgs) -> anyhow::Result<()> {
    let filter = match std::env::var(VARIABLE) {
        Ok(directives) => EnvFilter::try_new(directives).map_err(|error| {
            anyhow::anyhow!("{VARIABLE} is not a filter: {error}; write `debug`, or `gavel_host=trace,info`")
        })?,
        Err(_) => EnvFilter::new(level(args)),
    };
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| anstream::AutoStream::auto(std::io::stderr()))
        .without_time()
        .with_target(args.verbose > 1);
    // A second subscriber in one process can only be a test's.
    let _ = subscriber.try_init();
    Ok(())
}

fn level(args: &GlobalArgs) -> &'static str {
    match i16::from(args.verbose) - i16::from(args.quiet) {
        ..=-2 => "off",
        -1 => "error",
        0 => "warn",
        1 => {
            "gavel=info,gavel_cli=info,gavel_serve=info,gavel_reward=info,gavel_plugins=info,gavel_host=info,gavel_train=info,gavel_model=info,warn"
        }
        2 => "debug",
        _ => "trace",
    }
}
