#!/usr/bin/env bash
# Label Studio with Beautyflow's settings: infra/label_studio/label_studio.sh FOLDER start --port 8080 | ...
# FOLDER is what `beautyflow crowd task --format label-studio` wrote; its images are served from there.
# LABEL_STUDIO_BASE_DATA_DIR (default var/label-studio) holds its SQLite file.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"

if [[ $# -lt 2 || ! -d "$1" ]]; then
  echo "usage: $0 FOLDER start [--port PORT] ...; FOLDER holds tasks.json and images/" >&2
  exit 2
fi
if [[ ! -x "$root/.venv-label-studio/bin/label-studio" ]]; then
  echo "no Label Studio in $root/.venv-label-studio; install it as infra/label_studio/README.md says" >&2
  exit 1
fi

export LABEL_STUDIO_BASE_DATA_DIR="${LABEL_STUDIO_BASE_DATA_DIR:-$root/var/label-studio}"
LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT="$(cd "$1" && pwd)"
export LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT
shift
set -a
source "$root/infra/label_studio/label_studio.env"
set +a
mkdir -p "$LABEL_STUDIO_BASE_DATA_DIR"
exec "$root/.venv-label-studio/bin/label-studio" "$@"
