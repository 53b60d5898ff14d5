"""File, options and environment joined: which model answers."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from tokenfall.config.inforce import Sampling, Settings
from tokenfall.config.keys import secret
from tokenfall.config.places import Folders
from tokenfall.config.presets import key_variable, over, unconfigured
from tokenfall.config.rows import DEFAULT_WIRE, LOCAL, LOCAL_MODEL, Endpoint, FileConfig, Options
from tokenfall.config.urls import base_url, plain_key
from tokenfall.config.words import nearest
from tokenfall.errors import UserError


def settings(options: Options, file: FileConfig, env: Mapping[str, str], where: Folders) -> Settings:
    """Raises UserError for options that contradict one another, name what isn't there, or need a variable that isn't set."""
    endpoints = tuple(_with_key(endpoint, env) for endpoint in file.endpoints)
    presets = tuple(_with_key(endpoint, env) for endpoint in unconfigured(endpoints))
    endpoint, model_file = _target(options, replace(file, endpoints=endpoints), presets, env)
    return Settings(
        folders=where,
        endpoint=endpoint,
        model_file=model_file,
        endpoints=endpoints,
        system=file.system if options.system is None else options.system,
        max_tokens=options.max_tokens or file.max_tokens,
        temperature=file.temperature if options.temperature is None else options.temperature,
        theme=options.theme or file.theme,
        mouse=file.mouse,
        keys=file.keys,
        repaint=options.repaint or file.repaint,
        follow=file.follow,
        reduced_motion=file.reduced_motion,
        presets=presets,
        models=file.models,
        asked=Sampling(options.max_tokens, options.temperature),
    )


def choose(text: str, endpoints: Sequence[Endpoint], current: Endpoint | None, presets: Sequence[Endpoint] = ()) -> Endpoint | None:
    """The endpoint that ENDPOINT/NAME, the name of an endpoint or preset alone, or a bare model NAME (on the `current` one) means;
    None is the embedded model. Raises UserError when nothing is meant, or when the endpoint's key is not set."""
    endpoint = meant(text, endpoints, current, presets)
    return endpoint and _ready(endpoint)


def meant(text: str, endpoints: Sequence[Endpoint], current: Endpoint | None, presets: Sequence[Endpoint]) -> Endpoint | None:
    """As `choose`, whether its key is set or not."""
    head, slash, tail = text.partition("/")
    named = {endpoint.name: endpoint for endpoint in (*presets, *endpoints)}
    if head in named:
        return replace(named[head], model=tail) if tail else named[head]
    if head == LOCAL:
        if tail in {"", LOCAL_MODEL}:
            return None
        advice = f"It is called {LOCAL}/{LOCAL_MODEL}; --model-file runs a file of your own."
        raise UserError(f"There is no embedded model {tail!r}.", advice)
    if text and not slash and current is not None:
        return replace(current, model=text)
    advice = nearest(head, [*named, LOCAL])
    if not advice:
        advice = f"Endpoints are {', '.join([*(endpoint.name for endpoint in endpoints), LOCAL])}."
        advice += f" Services that need only their key: {', '.join(endpoint.name for endpoint in presets)}." if presets else ""
    raise UserError(f"There is no endpoint {head!r}.", f"{advice} --base-url URL names a server that is not configured.")


def _target(
    options: Options, file: FileConfig, presets: Sequence[Endpoint], env: Mapping[str, str]
) -> tuple[Endpoint | None, Path | None]:
    """Which endpoint answers (None: the embedded model), and the model file that the embedded model is to run."""
    if options.base_url is not None:
        if options.model_file is not None:
            raise UserError("--base-url names a server and --model-file a model on this machine.", "Give one of them.")
        return _unconfigured(options, env), file.model_file
    if options.model_file is not None:
        if options.model not in {None, LOCAL}:
            raise UserError("--model-file runs a model on this machine, and --model names another.", "Give one of them.")
        endpoint = None
    else:
        endpoint = _chosen(options.model, file, presets)
    if endpoint is None:
        if options.wire is not None or options.api_key_env is not None:
            problem = "--wire and --api-key-env are for a server, and the embedded model is chosen."
            raise UserError(problem, "Add --base-url URL or -m ENDPOINT.")
        wanted = options.model or file.model
        own = options.model_file or (None if wanted == f"{LOCAL}/{LOCAL_MODEL}" else file.model_file)
        return None, own
    if options.api_key_env is not None:
        endpoint = _with_key(replace(endpoint, api_key_env=options.api_key_env, api_key_from=None), env)
    if options.wire is not None:
        endpoint = over(endpoint, options.wire)
    return _safe(_ready(endpoint), options), file.model_file


def _chosen(model: str | None, file: FileConfig, presets: Sequence[Endpoint]) -> Endpoint | None:
    """Without an option: the file's `model`, else its first endpoint, unless it names a model file."""
    first = file.endpoints[0] if file.endpoints else None
    default = meant(file.model, file.endpoints, first, presets) if file.model else None
    if model is not None:
        return meant(model, file.endpoints, default or first, presets)
    if file.model or file.model_file is not None:
        return default
    return first


def _unconfigured(options: Options, env: Mapping[str, str]) -> Endpoint:
    try:
        url = base_url(options.base_url or "")
    except ValueError as error:
        raise UserError(f"--base-url: {error}") from error
    endpoint = Endpoint(
        name=urlsplit(url).netloc,
        wire=options.wire or DEFAULT_WIRE,
        base_url=url,
        model=options.model or "",
        api_key_env=options.api_key_env or "",
    )
    return _safe(_ready(_with_key(endpoint, env)), options)


def _with_key(endpoint: Endpoint, env: Mapping[str, str]) -> Endpoint:
    variable = key_variable(endpoint, env)
    return replace(endpoint, api_key_env=variable, api_key=secret(env.get(variable, "")) if variable else None)


def _ready(endpoint: Endpoint) -> Endpoint:
    if endpoint.api_key_env and endpoint.api_key is None:
        raise UserError(
            f"The key for {endpoint.name} is read from the variable {endpoint.api_key_env}, which is not set or holds no key.",
            f"Set it with: export {endpoint.api_key_env}=...",
        )
    return endpoint


def _safe(endpoint: Endpoint, options: Options) -> Endpoint:
    endpoint = replace(endpoint, insecure_http=options.insecure_http or endpoint.insecure_http)
    if problem := plain_key(endpoint, "--insecure-http"):
        raise UserError(problem)
    return endpoint
