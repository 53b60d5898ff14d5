"""Configuration: TOML and options to frozen rows.

`load` reads config.toml, `settings` joins it with the command line and the environment. In the file:

    model = "groq/llama-3.3-70b"      ENDPOINT/NAME, an endpoint alone, or a NAME on the first endpoint; "local" is the embedded model
    model_file = "~/models/x.gguf"    what "local" runs
    system, max_tokens, temperature, theme, mouse
    repaint = "changes"               or "full": changed rows are sent whole, and nothing is scrolled
    follow = "end"                    or "start": the start of a reply stays in view while it grows
    reduced_motion = false            or true: figures on the status line move once a second
    [keys]                            action = "key" or "key,key"
    [endpoints.groq]                  base_url, wire, model, api_key_env, headers, proxy, ca_file, retries, insecure_http
                                      api_key_command, api_key_keyring, api_key_file
    [endpoints.groq.extra_body]       joined to the JSON of every request
    [models."groq/llama-3.3-70b"]     context, max_tokens, temperature; USD per million tokens: price_input, price_output, price_cached
    [endpoints.groq.deadlines]        seconds: connect, first_event, between_events, whole, warn, body
"""

from tokenfall.config.file import load
from tokenfall.config.inforce import Sampling, Settings
from tokenfall.config.keys import keyed, resolved
from tokenfall.config.places import CONFIG_FILE, Folders, default_file, folders
from tokenfall.config.prices import Cost, Model, cost
from tokenfall.config.rows import (
    DEFAULT_WIRE,
    FOLLOWS,
    HEADER_NAME,
    LOCAL,
    LOCAL_MODEL,
    NO_PROXY,
    REPAINTS,
    Deadlines,
    Endpoint,
    FileConfig,
    Follow,
    Options,
    Repaint,
    Secret,
)
from tokenfall.config.target import choose, meant, settings
from tokenfall.config.urls import base_url, is_loopback

__all__ = [
    "CONFIG_FILE",
    "DEFAULT_WIRE",
    "FOLLOWS",
    "HEADER_NAME",
    "LOCAL",
    "LOCAL_MODEL",
    "NO_PROXY",
    "REPAINTS",
    "Cost",
    "Deadlines",
    "Endpoint",
    "FileConfig",
    "Folders",
    "Follow",
    "Model",
    "Options",
    "Repaint",
    "Sampling",
    "Secret",
    "Settings",
    "base_url",
    "choose",
    "cost",
    "default_file",
    "folders",
    "is_loopback",
    "keyed",
    "load",
    "meant",
    "resolved",
    "settings",
]
