# SPDX-License-Identifier: MIT
# Sourced by tests/conformance/run and tests/interop/run, which get BUILD_DIR, NODE and NPM.

# install_locked FROM TO: puts the packages that FROM/package-lock.json locks into
# TO/node_modules, unless they are there. No install script of any package is run.
install_locked() {
    cmp -s "$1/package-lock.json" "$2/installed.json" && return
    mkdir -p "$2"
    cp "$1/package.json" "$1/package-lock.json" "$2/"
    (cd "$2" && "$NPM" ci --ignore-scripts --no-audit --no-fund --loglevel=error)
    cp "$2/package-lock.json" "$2/installed.json"
}

# require_node22: sets NODE to a Node.js of version 22 or newer: the given one if it is,
# else the one that npm's package `node` is made of.
require_node22() {
    "$NODE" -e 'process.exit(parseInt(process.versions.node) >= 22 ? 0 : 1)' && return
    local package
    package=node-$("$NODE" -p 'process.platform + "-" + process.arch')
    local dir=$BUILD_DIR/node22
    if [[ ! -x $dir/node_modules/.bin/node ]]; then
        mkdir -p "$dir"
        (cd "$dir" && "$NPM" install --no-save --ignore-scripts --no-audit --no-fund \
            --loglevel=error "$package@22.23.3")
    fi
    NODE=$dir/node_modules/.bin/node
}
