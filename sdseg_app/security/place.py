"""On which address the server listens, as far as the app can know, and what it says about that when it starts."""

import argparse
import logging
import sys
from collections.abc import Sequence

from monailabel.main import Main

from sdseg.serving.exposure import REMEDY, check_exposure, stays_here
from sdseg_app.config.security import SecuritySettings

logger = logging.getLogger(__name__)


def asked_host(arguments: Sequence[str]) -> str | None:
    """The address that the command line names, None where it leaves it to MONAI Label's default, 0.0.0.0."""
    parser = argparse.ArgumentParser(exit_on_error=False, add_help=False)
    Main(actions=()).args_start_server(parser)  # so that -i, --host=, --hos mean here what they mean there
    parser.set_defaults(host=None)
    try:
        return parser.parse_known_args(arguments)[0].host
    except argparse.ArgumentError:
        return None  # another command line than MONAI Label's


def check_place(settings: SecuritySettings, arguments: Sequence[str] | None = None) -> None:
    """Tell who is answered. Raises InputError when the command line asks for a public address without any login."""
    host = asked_host(sys.argv[1:] if arguments is None else arguments)
    if host is not None:
        check_exposure(host, settings.authenticated, settings.allow_public)
    if settings.authenticated or (host is not None and stays_here(host)):
        return
    if settings.allow_public:
        logger.warning("Anyone who reaches this server can read and change everything: allow_public is set.")
    else:
        logger.warning("Only this machine is answered, for there is no authentication: %s.", REMEDY)
