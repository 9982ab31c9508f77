// SPDX-License-Identifier: Apache-2.0

extension ProgramTable {
    /// Databases, transfer between machines, backup.
    static let data = """
        psql,pgcli,pg_wrapper | export sql | -c= -d= -h= -p= -U= -v= -F= -P= -R= \
            -AtqXxwW1ebEnsSlzH0 -f=:! -o=:write -L=:write --command= --dbname= --host= --port= \
            --username= --set= --variable= --no-psqlrc --quiet --tuples-only --no-align \
            --expanded --csv --html --list --no-password --password --single-transaction \
            --echo-all --file=:! --output=:write --log-file=:write
        sqlite3,litecli | export sql single | -readonly -header -noheader -csv -json -line \
            -column -list -html -quote -table -markdown -box -ascii -tabs -batch -bail -echo \
            -safe -nofollow -separator= -nullvalue= -newline= -cmd= -init=:! -vfs=:! -append \
            -A:! -zip:! -archive:! -deserialize -interactive
        mysql,mariadb | export sql | -e= -h= -u= -p=? -P= -D= -S= -ABCEHNXbfnqrstvVwW --execute= \
            --host= --user= --password=?:unknown --port= --database= --socket= --batch \
            --skip-column-names --table --raw --silent --ssl-mode= --protocol= --init-command=:! \
            --defaults-file=:! --defaults-extra-file=:! --pager=?:! --plugin-dir=:! --tee=:write
        duckdb,usql,clickhouse,clickhouse-client,cockroach,cqlsh,isql,sqlcmd,sqlplus,db2,snowsql,\
        impala-shell,beeline,hive,spark-sql,trino,presto,influx,mongosh,mongo,neo4j-admin,\
        cypher-shell,redis-cli,valkey-cli | export !
        pg_dump,pg_dumpall,pg_basebackup,pg_receivewal,pg_recvlogical,mysqldump,mysqlpump,\
        mariadb-dump,mydumper,xtrabackup,mariabackup,mongodump,mongoexport,bcp,unload,exp,expdp,\
        sqldiff,redis-dump,elasticdump,dumpdata | export
        pg_restore,mysqlimport,mongorestore,mongoimport,myloader,imp,impdp | write
        pg_isready | read | -h= -p= -d= -U= -q -t= --host= --port= --dbname= --username= --quiet \
            --timeout=
        createdb,dropdb,vacuumdb,reindexdb,clusterdb,pg_ctl,pg_ctlcluster,pg_createcluster,\
        pg_dropcluster,initdb,pg_upgrade,pg_resetwal,pg_rewind,mysqladmin,mysqlcheck,mysqld,\
        patronictl,repmgr,pgbench | infrastructure
        alembic,flyway,liquibase,goose,dbmate,atlas,sqitch,prisma,knex,sequelize | write !
        scp,sftp,ftp,lftp,tftp,ncftp,smbclient,cadaver,rcp,croc,magic-wormhole,wormhole,transfer \
            | export | * -S=:! -o=:! -D=:!
        rsync,unison | export | -aAbcCdDEgHhiklLnNoOpPqrRStuUvWxXyz0468 -e=:! --rsh=:! \
            --rsync-path=:! --archive --delete --dry-run --exclude= --include= --partial \
            --progress --recursive --verbose --compress --checksum --times --stats \
            --human-readable --bwlimit= --update --existing --ignore-existing --files-from= \
            --filter= -f= --chmod= --chown= --itemize-changes --delete-after --delete-excluded \
            --max-size= --min-size= --info= --numeric-ids
        nc,ncat,netcat,nc.openbsd,nc.traditional,socat,telnet,cryptcat,chisel,ngrok,cloudflared,\
        gost,frpc | export !
        curl,curlie,http,https,xh | unknown | -sSLkIifgqvNG046 -X= -H= -A= -b= -e= -m= -r= -w= \
            -y= -Y= -u=:key --user=:key --silent --show-error --location --head --include --fail \
            --get --request= --header= --user-agent= --max-time= --connect-timeout= --retry= \
            --retry-delay= --compressed --http1.1 --http2 --write-out= --range= --verbose \
            --no-progress-meter --fail-with-body -d=:export --data=:export --data-raw=:export \
            --data-binary=:export --data-urlencode=:export --json=:export -F=:export \
            --form=:export -T=:export --upload-file=:export -o=:write -O:write --output=:write \
            --remote-name:write --output-dir=:write --create-dirs:write -J:write -c=:write \
            --cookie-jar=:write -D=:write --dump-header=:write -K=:! --config=:! --engine=:! \
            --proxy=:! -x=:!
        wget,wget2,aria2c,axel | write | -qvcSNLkpr -O= -P= -t= -T= -U= --quiet \
            --output-document= --directory-prefix= --tries= --timeout= --no-verbose --continue \
            --spider --user-agent= --header= --post-data=:export --post-file=:export \
            --body-data=:export --body-file=:export --method= --use-askpass=:! --execute=:! \
            -e=:! --config=:! -i=:! --input-file=:!
        grpcurl,websocat,ab,wrk,hey,siege,vegeta,k6,locust,jmeter | unknown
        restic,borg,borgmatic,duplicity,duply,kopia,rdiff-backup,bup,tarsnap,rsnapshot,bacula,\
        barman,pgbackrest,wal-g | export
        kcat,kafkacat,kafka-console-consumer,kafka-dump-log,rabbitmqadmin | export
        """

    /// Version control and build tools, whose configuration lies in the working directory.
    static let development = """
        git | unknown ! | -C= -P --no-pager --no-optional-locks --literal-pathspecs \
            --no-replace-objects --bare -p --paginate -c=:! --config-env=:! --exec-path=?:! \
            --git-dir=:! --work-tree=:! --namespace= --super-prefix=:!
        git status | read repository pager | -sbvz -u=? --short --branch --long --porcelain=? \
            --untracked-files=? --ignored=? --show-stash --ahead-behind --no-ahead-behind \
            --no-renames
        git log,whatchanged,shortlog | read repository pager | -pusnez#ci -n= -L= -S= -G= -U= \
            -M=? -C=? -w -b --oneline --graph --stat=? --all --decorate=? --since= --until= \
            --after= --before= --author= --committer= --grep= --format= --pretty=? \
            --abbrev-commit --abbrev=? --name-only --name-status --no-merges --merges --follow \
            --reverse --max-count= --skip= --patch --no-patch --shortstat --numstat --summary \
            --date= --first-parent --branches=? --tags=? --remotes=? --no-color --color=? \
            --topo-order --date-order --no-ext-diff --no-textconv --cherry-pick --left-right \
            --full-history --ancestry-path --invert-grep --regexp-ignore-case --numbered --email
        git show,diff,diff-tree,diff-index,diff-files | read repository pager | -puszwb -U= -M=? \
            -C=? -S= -G= --oneline --stat=? --cached --staged --name-only --name-status \
            --format= --pretty=? --patch --no-patch --shortstat --numstat --summary --check \
            --no-color --color=? --word-diff=? --unified= --no-ext-diff --no-textconv \
            --ignore-all-space --ignore-space-change --abbrev-commit --abbrev=? --diff-filter= \
            --merge-base --exit-code --quiet -r --root --minimal --patience --histogram
        git rev-parse | read repository | --abbrev-ref=? --short=? --verify --show-toplevel \
            --git-dir --is-inside-work-tree --quiet --symbolic-full-name --show-prefix \
            --show-cdup --is-bare-repository
        git rev-list | read repository | -n= --count --all --max-count= --since= --until= \
            --no-merges --first-parent --objects --left-right --reverse
        git ls-files,ls-tree | read repository | -cdmosktrzl --cached --deleted --modified \
            --others --stage --exclude-standard --name-only --name-status --full-tree --long
        git cat-file | read repository | -petzs
        git describe,name-rev,merge-base,show-ref,for-each-ref,count-objects,var,check-ignore,\
        symbolic-ref | read repository | -avHd --tags --all --always --long --dirty=? --match= \
            --abbrev=? --heads --verify --quiet --format= --sort= --count= --contains= \
            --merged=? --is-ancestor --name-only | max=2:write
        git symbolic-ref | write
        git branch | read repository pager | -d:write -D:write -m:write -M:write --delete:write \
            --move:write -arv --list --all --remotes --show-current --verbose --contains=? \
            --merged=? --no-merged=? --sort= --format= --no-color | max=0:write
        git tag | read repository pager | -d:write --delete:write -l -n=? --list --sort= \
            --format= --contains=? --merged=? | max=0:write
        git remote | read repository | -v --verbose | max=0:write
        git remote get-url | read repository |
        git blame,annotate | read repository pager | -lswetC -L= -M=? --porcelain \
            --line-porcelain --date= --show-email
        git reflog | read repository pager | -n= --all --oneline | max=0:write
        git reflog show | read repository pager | -n= --all --oneline
        git stash list | read repository pager |
        git worktree list | read repository | --porcelain -v
        git add,rm,mv,restore,reset,checkout,switch,commit,merge,rebase,cherry-pick,revert,stash,\
        am,apply,clean,gc,prune,init,notes,worktree,branch-delete,update-ref,tag-delete,\
        sparse-checkout,replace,pack-refs | write !
        git clone,fetch,pull,submodule,ls-remote,remote-ext,archive,bundle,subtree,lfs,svn,p4,\
        send-email,bisect,filter-branch,filter-repo,difftool,mergetool,grep,help,maintenance,\
        daemon,instaweb,gui,citool,upload-pack,receive-pack,fast-import,fast-export,hook | \
            unknown !
        git push | write !
        git config | write !
        git config get,list | read repository |
        git credential,credential-store,credential-cache | key !
        hg,svn,bzr,fossil,jj,p4,cvs,gh,glab,hub,tea,gerrit,repo | unknown !
        make,gmake,cmake,ninja,meson,bazel,bazelisk,buck,buck2,gradle,gradlew,mvn,ant,sbt,lein,\
        rake,just,task,scons,waf,xcodebuild,msbuild,dotnet,cargo,rustc,go,swift,swiftc,gcc,g++,cc,\
        c++,clang,clang++,ld,as,javac,kotlinc,scalac,ghc,cabal,stack,dune,opam,zig,nim,crystal,\
        dart,flutter,mix,rebar3,elm,tsc | unknown !
        npm,npx,pnpm,yarn,bun,bunx,corepack,pip,pip3,pipx,uv,uvx,poetry,pdm,conda,mamba,gem,\
        bundle,bundler,composer,cpan,cpanm,luarocks,nuget,nix,nix-shell,asdf,mise,pyenv,rbenv,nvm,\
        virtualenv,tox,nox,pre-commit,pytest | unknown !
        gdb,lldb,strace,ltrace,perf,bpftrace,bcc,valgrind,rr,sysdig,tcpdump,tshark,wireshark | \
            unknown !
        """

    /// Shells, interpreters, and programs that start other programs.
    static let launchers = """
        sh,bash,dash,zsh,ksh,ksh93,mksh,ash,csh,tcsh,fish,rbash,elvish,nu,pwsh,powershell,busybox,\
        toybox,rc,es,osh,yash | unknown !
        python,python2,python3,perl,ruby,node,nodejs,deno,php,lua,luajit,tclsh,wish,expect,R,\
        Rscript,julia,java,groovy,scala,kotlin,guile,racket,sbcl,clisp,erl,escript,elixir,iex,irb,\
        ghci,ocaml,swipl,octave,gnuplot,jjs,jrunscript,awk,gawk,mawk,nawk,original-awk,bc,dc,m4,\
        jshell,pypy,pypy3,ipython,jupyter,osascript,vbscript,ts-node,tsx,gs,ghostscript,pdflatex,\
        tex,latex,lualatex,xelatex,cpp,qjs,janet | unknown !
        env,nohup,timeout,gtimeout,nice,ionice,chrt,taskset,stdbuf,unbuffer,setsid,setarch,\
        linux32,linux64,time,xargs,parallel,watch,flock,ltrace-run,script,rlwrap,proot,fakeroot,\
        faketime,ssh-agent-run,dbus-run-session,dbus-launch,xvfb-run,screen,tmux,byobu,dtach,\
        abduco,entr,inotifywait,incrontab,daemonize,chpst,softlimit,setuidgid,envdir,runsv,\
        s6-setuidgid,tini,dumb-init,systemd-cat,cgexec,numactl,prlimit,catchsegv,hyperfine,\
        torsocks,proxychains,choom,aoss,ld.so,ld-linux-x86-64.so.2,ld-linux-aarch64.so.1,\
        run-parts,start-stop,command,exec,eval,nocache,pipexec,doas.real | unknown ! wrap
        ssh,autossh,mosh,pdsh,pssh,dsh,clush,rsh,rexec,rlogin,plink,sshpass,winexe,psexec | \
            infrastructure !
        """
}
