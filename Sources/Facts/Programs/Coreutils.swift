// SPDX-License-Identifier: Apache-2.0

extension ProgramTable {
    /// Programs that only look at files and text, and their options that do more.
    static let text = """
        ls,dir,vdir | read | -aAbBcCdfFgGhHikLlmnNopqQrRsStuUvxXZ1 -I= -T= -w= --all \
            --almost-all --author --escape --block-size= --ignore-backups --color=? --directory \
            --classify=? --file-type --format= --full-time --group-directories-first --no-group \
            --human-readable --si --dereference --hide= --indicator-style= --inode --ignore= \
            --numeric-uid-gid --literal --quote-name --quoting-style= --reverse --recursive \
            --size --sort= --time= --time-style= --zero
        cat | read | -AbeEnstTuv --show-all --number --number-nonblank --show-ends \
            --squeeze-blank --show-tabs --show-nonprinting
        tac | read | -br -s= --before --regex --separator=
        head | read | -qvz# -c= -n= --bytes= --lines= --quiet --silent --verbose --zero-terminated
        tail | read | -fFqvz# -c= -n= -s= --bytes= --lines= --follow=? --pid= --quiet --silent \
            --retry --sleep-interval= --verbose --zero-terminated
        nl | read | -p -b= -d= -f= -h= -i= -l= -n= -s= -v= -w=
        od | read | -vabcdfilosx -A= -j= -N= -S=? -t= -w=? --address-radix= --skip-bytes= \
            --read-bytes= --format= --output-duplicates
        hexdump,hd | read | -bcCdovx -n= -s=
        xxd | read | -abCeEiup -c= -g= -l= -o= -s= -r:write | max=1:write
        strings | read | -afw -n= -t= -e= --all --print-file-name --bytes= --radix= --encoding=
        wc | read | -cmlLw --bytes --chars --lines --max-line-length --words --total=
        stat | read | -LftZ -c= --format= --printf= --dereference --file-system --terse
        du | read | -0abcDhHklLmPsSx -d= -B= -t= -X= --all --apparent-size --block-size= \
            --max-depth= --human-readable --inodes --si --summarize --total --exclude= \
            --one-file-system --time=?
        df | read | -ahHiklPT -B= -t= -x= --all --block-size= --human-readable --inodes --local \
            --output=? --portability --print-type --si --total --type= --exclude-type=
        pwd | read | -LP --logical --physical
        echo,printf,true,false,test,[,expr | read raw
        basename | read | -az -s= --multiple --suffix= --zero
        dirname | read | -z --zero
        realpath | read | -eLmPqsz --canonicalize-existing --canonicalize-missing --relative-to= \
            --relative-base= --strip --no-symlinks --zero
        readlink | read | -efmnqsvz --canonicalize --canonicalize-existing \
            --canonicalize-missing --no-newline --zero
        sort | read | -bdfgiMhnRrVcCmsuz -k= -t= -S= -o=:write -T=:write --key= \
            --field-separator= --buffer-size= --parallel= --batch-size= --reverse --unique \
            --numeric-sort --human-numeric-sort --general-numeric-sort --ignore-case \
            --version-sort --month-sort --random-sort --check=? --stable --zero-terminated \
            --dictionary-order --ignore-leading-blanks --ignore-nonprinting --merge --debug \
            --output=:write --temporary-directory=:write --compress-program=:!
        uniq | read | -cdDiuz# -f= -s= -w= --count --repeated --all-repeated=? --group=? \
            --ignore-case --skip-fields= --skip-chars= --unique --check-chars= --zero-terminated \
            | max=1:write
        cut | read | -nsz -b= -c= -d= -f= --bytes= --characters= --delimiter= --fields= \
            --complement --only-delimited --output-delimiter= --zero-terminated
        tr | read | -cCdst --complement --delete --squeeze-repeats --truncate-set1
        comm | read | -123z --check-order --nocheck-order --output-delimiter= --total \
            --zero-terminated
        join | read | -iz -a= -e= -j= -o= -t= -v= -1= -2= --header --check-order --nocheck-order \
            --ignore-case
        paste | read | -sz -d= --serial --delimiters= --zero-terminated
        fold | read | -bs -w= --bytes --spaces --width=
        fmt | read | -cstu -w= -p= -g= --width= --prefix= --goal=
        expand,unexpand | read | -ai -t= --all --initial --tabs=
        rev,factor,tsort | read
        column | read | -tnLxeJ -s= -o= -c= -N= -H= -R= -T= --table --json --separator= \
            --output-separator= --table-columns=
        md5sum,sha1sum,sha224sum,sha256sum,sha384sum,sha512sum,b2sum,cksum,sum | read | -bctwzrs \
            -l= -a= --binary --check --text --tag --zero --ignore-missing --quiet --status \
            --strict --warn --length= --algorithm=
        base64,base32,basenc | read | -di -w= --decode --ignore-garbage --wrap= --base64 \
            --base64url --base32 --base16 --z85
        seq | read | -w -f= -s= --equal-width --format= --separator=
        sleep | read |
        numfmt | read | -z -d= --from= --to= --suffix= --padding= --field= --format= --header=? \
            --round= --grouping --delimiter=
        file | read | -bEhiIkLNprv0 -F= -e= -P= --brief --mime --mime-type --mime-encoding \
            --dereference --no-dereference --keep-going --no-pad --print0 --extension
        grep,egrep,fgrep | read | -EFGPivwxclLoqsbHhnTuUzZyaI# -r:unknown -R:unknown -A= -B= -C= \
            -e= -f= -m= --extended-regexp --fixed-strings --basic-regexp --perl-regexp \
            --ignore-case --no-ignore-case --invert-match --word-regexp --line-regexp --count \
            --color=? --colour=? --files-without-match --files-with-matches --max-count= \
            --only-matching --quiet --silent --no-messages --byte-offset --with-filename \
            --no-filename --label= --line-number --initial-tab --null --after-context= \
            --before-context= --context= --text --binary-files= --line-buffered --null-data \
            --regexp= --file= --recursive:unknown --dereference-recursive:unknown --include= \
            --exclude= --exclude-from= --exclude-dir=
        zgrep,zegrep,zfgrep | read path | -EFivwxclLoqsHhn -A= -B= -C= -e= -m=
        zcat,gzcat,bzcat,xzcat,lzcat,zstdcat | read path |
        rg,ag,ack,rgrep | unknown | -niFwlcvx -A= -B= -C= -e= -g= -t= -T= -m= --pre=:! \
            --pager=:! --search-zip:! -z:! --hostname-bin=:!
        diff | read | -aBbcdeEHiInNpqstTuwWyZ -r:unknown -U= -C= -x= -F= --brief --side-by-side \
            --ignore-all-space --ignore-space-change --ignore-blank-lines --ignore-case \
            --ignore-trailing-space --new-file --report-identical-files --strip-trailing-cr \
            --text --suppress-common-lines --minimal --expand-tabs --label= --width= --color=? \
            --unified=? --context=? --recursive:unknown
        cmp | read | -bls -i= -n= --print-bytes --verbose --quiet --silent --ignore-initial= \
            --bytes=
        diff3 | read | -aAeEimTxX3 --merge --text --show-all --easy-only --diff-program=:!
        sdiff | unknown | -o=:write --output=:write --diff-program=:! -ilsatbBW -w=
        jq | read | -acCeijMnrRsS -f= -L= --compact-output --raw-output --raw-input \
            --raw-output0 --join-output --slurp --sort-keys --null-input --exit-status --tab \
            --indent= --arg=2 --argjson=2 --slurpfile=2 --rawfile=2 --args --jsonargs \
            --color-output --monochrome-output --ascii-output --stream --seq --from-file=
        yq | read | -PrCMNej -I= -o= -p= -i:write --inplace:write --in-place:write -s=:write \
            --split-exp=:write --prettyPrint --no-colors --no-doc --unwrapScalar=? \
            --output-format= --input-format= --indent= --exit-status
        xmllint | read single | -noout -format -xpath= -nonet -recover
        tree | read | -adfpsughDFqNQrtvxUcCnAiSJX -L= -P= -I= --dirsfirst --noreport --prune \
            --filelimit= --du --si --gitignore -o=:write
        ldd | unknown !
        namei,getfacl,lsattr,getcap | read | -lmovacdetnpRsxA
        which | read | -as --all
        whereis | read | -bms
        locate,plocate,mlocate | read | -Aabceiqrw0 -l= -n= --count --existing --ignore-case \
            --limit= --regex --null
        """

    /// Programs that change files.
    static let files = """
        cp | write | -abdfHilLnPprRsTuvxZ -S= -t= --archive --backup=? --attributes-only \
            --copy-contents --dereference --force --interactive --link --no-clobber \
            --no-dereference --no-preserve= --no-target-directory --one-file-system --parents \
            --preserve=? --recursive --reflink=? --remove-destination --sparse= \
            --strip-trailing-slashes --suffix= --symbolic-link --target-directory= --update=? \
            --verbose
        mv | write | -bfinTuvZ -S= -t= --backup=? --force --interactive --no-clobber \
            --no-target-directory --strip-trailing-slashes --suffix= --target-directory= \
            --update=? --verbose
        rm | write | -dfiIrRv --dir --force --interactive=? --one-file-system --no-preserve-root \
            --preserve-root=? --recursive --verbose
        rmdir,mkdir,mkfifo,touch,ln,link,unlink,truncate,mktemp,rename,sync,fallocate,setfattr,\
        chattr | write
        mknod,chroot | infrastructure
        install | write | -bcCdDpsTvZ -g= -m= -o= -S= -t= --mode= --owner= --group= --directory \
            --verbose --target-directory= -s:! --strip-program=:!
        tee | write | -aip --append --ignore-interrupts --output-error=?
        shred,wipe,srm | write
        split | write | -dexuz -a= -b= -C= -l= -n= -t= --additional-suffix= --bytes= --lines= \
            --number= --numeric-suffixes=? --verbose --filter=:!
        csplit,patch,ed,ex,red | write !
        chmod | write | -cfvRrwxXt --changes --quiet --recursive --reference= --verbose | \
            ~*+*s*:role ~*=*s*:role
        chown,chgrp | role
        dd | write raw | | ~if=/dev/*:export ~of=/dev/*:infrastructure
        gzip,gunzip,bzip2,bunzip2,xz,unxz,lzma,zstd,unzstd,lz4,compress,uncompress | write
        zip | write | -rqvjymuf0123456789 -x= -i= -T:! -TT=:! --unzip-command=:! --test:! -e
        unzip | write
        7z,7za,7zr,unrar,rar,unar | write
        cpio,ar,pax,dump,restore | write !
        tar,gtar,bsdtar | read path | -tvzjJpPkhmOa# -f= -C= -T=:unknown -X= --list --verbose \
            --file= --gzip --gunzip --bzip2 --xz --zstd --exclude= --directory= --numeric-owner \
            --strip-components= --wildcards --no-same-owner --no-same-permissions \
            --auto-compress -c:write -x:write -r:write -u:write -A:write -d --create:write \
            --extract:write --get:write --append:write --update:write --concatenate:write \
            --delete:write --diff --compare --remove-files:write -I=:! --use-compress-program=:! \
            --to-command=:! --checkpoint=? --checkpoint-action=:! -F=:! --info-script=:! \
            --new-volume-script=:! --rsh-command=:! --rmt-command=:! --index-file=:write \
            -g=:write --listed-incremental=:write
        sed,gsed | unknown | -nErsuz -e= -f=:! -i=?:write --in-place=?:write --quiet --silent \
            --regexp-extended --expression= --file=:! --sandbox --separate --null-data \
            --unbuffered --posix -l=
        find,gfind,fd,fdfind | unknown !
        vi,vim,vimdiff,view,rvim,nvim,nano,pico,emacs,emacsclient,mg,joe,micro,code,mcedit,mc,\
        gedit | write !
        less,more,most,man,info,pg,zless,zmore,bat,batcat | unknown !
        logger,wall,write,mesg | write
        mail,mailx,mutt,sendmail,msmtp,swaks | export !
        updatedb | write
        """
}
