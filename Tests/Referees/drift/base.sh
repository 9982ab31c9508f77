# SPDX-License-Identifier: Apache-2.0
#
# The tree that every case starts from, made in the working folder. umask and owner do not matter:
# it is written down before anything is done to it.
set -e
umask 022
mkdir -p app/conf app/bin data logs empty sticky
printf 'port = 8080\n' > app/conf/app.ini
printf '{"port":8080}\n' > app/conf/app.json
printf '#!/bin/sh\nexit 0\n' > app/bin/run
chmod 755 app/bin/run
chmod 1777 sticky
ln -s conf/app.ini app/link
echo one > data/a
echo two > data/b
echo linked > data/one
ln data/one data/two
head -c 2000000 /dev/zero > data/large
truncate -s 8000000 data/sparse
echo noted > data/noted
$P xset data/noted user.note x
echo today > logs/today
mkfifo pipe
