"""The commonest little words, the letters and some endings of languages that share a script: written down from knowledge.

Words stand in the order of how common they are, as far as that is known. They are facts about languages, taken from no text.
"""

from __future__ import annotations

# Little words of languages in Latin letters, the commonest first.
LATIN = {
    "en": """the of and to in a is that for it was on with as be he this are at by i not from have his they you which or had
        an were but been has their her will one there all we can if when no so more would what up about who my do she out
        some its into than them other could your only him how me our any these then may now such like over very also after
        where does did are while down off through being another two three each people front made many most man woman men""",
    "de": """der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an er hat aus bei sie
        nach werden sind war wird einer um am zum einen einem eines über noch nur wie zur aber vor durch man kann so wenn
        oder haben mehr bis dass ich wir unter vom sein ihre seine diese gegen zwei sehr was kein keine beim mir uns während andere drei ihren ihrem seinen durch neben zwischen vorne leute mann frau""",
    "fr": """de la le et les des en un du une à dans est que pour par qui au il sur pas plus ne se ce avec sont cette ou elle
        son mais comme on été nous a aux sa ont ses y leur deux même je vous ces d l qu n s c j était être fait sans très
        peut tout entre après si bien leurs où dont dit homme femme""",
    "es": """de la que el en y a los se del las un por con no una su para es al lo como más o pero sus le ha me si sin sobre
        este ya entre cuando todo esta ser son dos también fue había era muy años hasta desde está mi porque qué sólo han yo
        hay vez puede todos así nos ni parte tiene él uno donde bien tiempo hombre mujer están""",
    "it": """di e il la che in a per un è del non le con i si una da al sono dei nel della lo alla come anche gli più ma su
        delle ha dal ad se dalla o ed nella l questo due era stato o sua suo loro mi ci hanno cui essere ai quando tra fra
        questa molto ho tutti dopo quello uomo donna alle sul degli nei dell sta stanno""",
    "pt": """de a o que e do da em um para é com não uma os no se na por mais as dos como mas foi ao ele das tem à seu sua ou
        ser quando muito há nos já está eu também só pelo pela até isso ela entre era depois sem mesmo aos ter seus quem nas
        me esse eles estão você tinha foram essa num nem suas meu às minha têm numa pelos homem mulher são""",
    "nl": """de van het een en in is dat op te zijn met voor niet die aan er om ook als dan maar bij of uit nog naar door over
        ze hij ik was worden wordt heeft hebben tot je werd deze kan geen dit al zich meer wel wat zo we moet na had onder
        tegen zou haar hun twee omdat kunnen deze jaar u mijn men daar veel toch man vrouw zit""",
    "sv": """och i att det som en på är av för med den till inte har om ett jag men var sig så från vi de han kan nu när
        också man ska eller hon hade skulle vid efter här där vad sin mycket in bara blir upp mot alla då än ut bli utan över
        under dem oss hur mig mer två någon något kommer sina ett""",
    "da": """og i at det er en til af på for med den der som ikke de har jeg et han om var fra men så kan sig hun vi eller vil
        blev nu skal have efter ud også hvor ved mere over når meget være op bare kun mod alle hvad ham under mig havde sin
        to to blive da siger deres noget nogle dig hvis""",
    "nb": """og i det er på som en til av for å med at har ikke den de jeg han var om et fra men så seg hun vi eller vil ble
        kan nå skal etter ut også hvor ved mer over når mye være opp bare mot alle hva ham under meg hadde sin to bli da sier
        deres noe noen deg hvis""",
    "fi": """ja on ei se että oli hän ovat mutta myös kun joka tai niin kuin mukaan sen hänen ole vain jo voi sekä ollut siitä
        tämä olisi vielä jos mitä nyt tässä sitä ne kanssa jälkeen minä olla kaikki eivät ennen tämän siinä mikä me sitten
        he te sinä olen olivat jonka häntä minun""",
    "et": """ja on ei see et oli ta ma kui ka aga või mis oma kes ning siis nii välja ole seda siin nagu veel välja juba selle
        mida tema need kuid olid neid ainult pärast kõik väga üks kas ära me te nad meie teie minu sinu""",
    "hu": """a az és hogy nem is egy ez meg csak de volt már azt van el ki mint még ha ezt vagy kell lesz minden ami aki én
        amely majd lehet sem után azonban ő ott volna most úgy be két nagyon itt ezek pedig akkor mi fel így""",
    "pl": """w i na z się nie do to że jest o a jak po co ale za od tym przez był tak dla ze tego są oraz jego go już może być
        czy tylko jej by jako przed które który która ich pod miał bardzo także kiedy gdy nad jeszcze było ma lub mnie mi te
        u we sobie tej swoje mężczyzna kobieta""",
    "cs": """a se v na je že to s z do i o k jako ve by za ale po jsem jsou si pro byl tak od jeho které které ze až který
        která nebo jen když co už při bylo má byla ještě není mezi podle před být bude jak kde aby však své mi jej""",
    "sk": """a sa v na je že to s z do aj o k ako vo by za ale po som sú si pre bol tak od jeho ktoré zo až ktorý ktorá alebo
        len keď čo už pri bolo má bola ešte nie medzi podľa pred byť bude ktorí kde aby však svoje mi ich""",
    "sl": """je in v se na da so za ki pa z ne s po bi tudi kot ali od še o iz ter pri sem lahko do bil kar ko kako le že ga
        bila bo med če jih mi vse ni jo kaj tako ima več nad pred""",
    "hr": """i je u se na da za od su s o kao a koji što nije to iz po će ne bi sam do ili koja kako ali bio samo više već je
        još kada biti prema jer sve može tako gdje pri nakon također ima koje""",
    "ro": """de și în a la cu pe că nu o din care un este mai s se au pentru ca al ce sa fost sunt lui sau dar fi prin după îi
        îl ei acest această ai am era dintre către când foarte doar cum unei unui sub ar le ale lor""",
    "ca": """de la i que el a en les els per un no una del amb és al es va són ha dels com més o però seu aquest aquesta també
        si ser seva hi pel tot ja ho molt entre han fer ens què quan sense nosaltres això mateix on era""",
    "tr": """ve bir bu da de için ile çok ne o daha gibi olarak olan var kadar sonra ama en her ben mi değil ki ise ya diye
        iki yok olduğu onun sen oldu biz kendi hem şey bana göre önce zaman şu veya nasıl ancak bütün ona""",
    "id": """yang dan di itu dengan untuk tidak ini dari dalam akan pada juga saya ke karena tersebut bisa ada mereka lebih
        kata sudah atau saat oleh menjadi orang ia telah adalah seperti sebagai bahwa dapat para harus namun kita dia satu
        hanya anda kami belum sebuah seorang""",
    "vi": """của và là có trong cho được không một người những các với này đã ông khi để tại từ đó ra năm vào nhiều bị đến về
        cũng sẽ phải như lại trên làm nhưng còn sau đang theo nên hơn tôi cô anh thì mà rất""",
    "lt": """ir kad į yra ne tai su iš o kaip bet nuo jis buvo dėl už taip apie ar tik po savo prie jau kuris per dar jo būti
        labai iki jos mes aš jie ji bus gali kai jei nėra buvo""",
    "lv": """un ir ka no ar uz par kas tas viņš nav bet kā arī tā to pēc gan lai vai bija jau tikai es vēl līdz viņa savu ko
        pie mēs tiek kad ļoti var ja būs šo""",
    "sw": """ya na wa kwa ni la katika za cha kuwa hii kama huo hiyo yake wake pia lakini au watu hivyo sana mtu yao kutoka
        kila bila hadi baada mimi sisi wao alikuwa wakati huyo hayo""",
    "tl": """ang ng sa na mga ay at ni si ito para kung hindi niya siya ako mo ko may nang pa lang isang din rin kanyang siyang
        ka naman kaya dahil kami ikaw namin wala nila upang""",
    "af": """die van en in het is dat nie te vir wat met op sy hy aan om deur word ook as by sal daar kan was maar ek na hulle
        uit so of haar jy se baie meer ons een hierdie moet nog kon""",
    "eo": """la kaj de en estas al ne mi ke por li kun vi oni estis sed ili per kiu pri tio el plus tiu ĝi ankaŭ kiel sur ŝi
        nur aŭ se nia lia tre povas ĉu havas ĉi unu jam kiuj""",
    "la": """et in est non ad ut cum qui quod sed si de ex ab hoc se per nec esse quae atque ac aut enim a eius quam sunt etiam
        eo nunc te me quo autem pro tamen haec quidem""",
}
# Little words of languages in Cyrillic letters.
CYRILLIC = {
    "ru": """и в не на что с он как это по но из у к за то же от она так о бы для был мы вы или его только все её ее было я
        ты они при если еще ещё когда уже до чтобы во со есть быть нет очень где под может после который также мужчина
        человек женщина мужчины люди девушка двое трое один себя него этот эта сказал время""",
    "uk": """і в не на що з він як це по але та у до за то ж від вона так про був ми ви або його тільки всі її було я ти вони
        при якщо ще коли вже щоб є бути немає дуже де під може після який також й із чи для жінка чоловік""",
    "be": """і ў не на што з ён як гэта па але да у за то ж ад яна так пра быў мы вы або яго толькі усе яе было я ты яны пры
        калі яшчэ ужо каб ёсць быць няма вельмі дзе пад можа пасля які таксама для""",
    "bg": """и в не на че с той като това по но от у за то се тя така да би е беше ние вие или неговата само всички я бяха аз
        ти те при ако още кога вече до бъде са няма много къде под може след който също ще към жена мъж""",
    "sr": """и у не на да са он као ово по али из за то се је од она тако о би био ми ви или његов само сви њена било ја ти
        они при ако још када већ до бити су нема врло где под може после који такође ће што""",
    "mk": """и во не на дека со тој како ова по но од за тоа се е таа така да би беше ние вие или неговиот само сите ја биле
        јас ти тие при ако уште кога веќе до биде се нема многу каде под може после кој исто ќе што""",
}
# Little words of languages in Arabic letters, and in Devanagari.
ARABIC = {
    "ar": """في من على أن إلى التي عن لا ما هذا هذه كان مع الذي كل بعد لم قد هو هي ذلك بين كما أو حتى إن وقد ولا كانت عند
        لكن غير منه فيه""",
    "fa": """و در به از که این را با است برای آن یک تا می بر شده خود هم است کرد شد ما من او اما نیز باید دارد بود های هر""",
    "ur": """کے کی میں ہے اور سے کا کو اس کہ ہیں پر نے یہ کر جو بھی ایک ہو تھا وہ نہیں تھی گیا اپنے لیے ہوئے""",
}
DEVANAGARI = {
    "hi": """के में है की से को का और हैं ने पर भी यह एक कर था तो इस हो जो नहीं कि ही या लिए अपने वह थे ये गया रहा""",
    "mr": """आणि आहे या व तो ही हे ते च नाही आहेत मी होते एक त्या होता असे मध्ये पण की झाली किंवा तर त्याने""",
    "ne": """र छ को मा छन् पनि यो गर्न भएको लागि हो थियो गरेको एक हुन्छ भने तर त्यो नेपाल हुन् गरी बाट""",
}
LISTS = {
    code: tuple(dict.fromkeys(listed.split()))
    for lists in (LATIN, CYRILLIC, ARABIC, DEVANAGARI)
    for code, listed in lists.items()
}

# Letters beyond a to z (or beyond those that all of a script's languages here have) that a language writes its own words with.
LETTERS = {
    "en": "",
    "de": "äöüß",
    "fr": "àâæçéèêëîïôœùûüÿ",
    "es": "áéíñóúü",
    "it": "àèéìîòóù",
    "pt": "àáâãçéêíóôõúü",
    "nl": "éëïóöüè",
    "sv": "åäöé",
    "da": "æøåé",
    "nb": "æøåéò",
    "fi": "äöå",
    "et": "äöõüšž",
    "hu": "áéíóöőúüű",
    "pl": "ąćęłńóśźż",
    "cs": "áčďéěíňóřšťúůýž",
    "sk": "áäčďéíĺľňóôŕšťúýž",
    "sl": "čšž",
    "hr": "čćđšž",
    "ro": "ăâîșțşţ",
    "ca": "àçéèíïóòúü",
    "tr": "çğıöşüâî",
    "id": "",
    "vi": "àáâãèéêìíòóôõùúýăđĩũơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ",
    "lt": "ąčęėįšųūž",
    "lv": "āčēģīķļņšūž",
    "sw": "",
    "tl": "ñ",
    "af": "êëôéèïö",
    "eo": "ĉĝĥĵŝŭ",
    "la": "",
    "ru": "ёыэъ",
    "uk": "іїєґ",
    "be": "іўёыэ",
    "bg": "ъ",
    "sr": "јљњћђџ",
    "mk": "јљњќѓџѕ",
    "ar": "",
    "fa": "پچژگکی",
    "ur": "ٹڈڑںےھہپچگکی",
    "hi": "",
    "mr": "ळ",
    "ne": "",
}

# Letters that some languages in Cyrillic letters write and others do not, too common to be anyone's own.
ALSO = {"ru": "ьйщюяи", "uk": "ьйщюяи", "be": "ьйюя", "bg": "йщюяи", "sr": "и", "mk": "и"}

# About how many of a hundred letters of a language are among those above: a long text without any is hardly in it.
OFTEN = {
    "de": 1.7, "fr": 3.5, "es": 2.3, "it": 0.8, "pt": 3.3, "nl": 0.2, "sv": 4.5, "da": 2.5, "nb": 2.2, "fi": 5.0, "et": 5.0,
    "hu": 10.0, "pl": 6.5, "cs": 13.0, "sk": 11.0, "sl": 3.0, "hr": 3.3, "ro": 5.0, "ca": 3.0, "tr": 10.0, "vi": 20.0,
    "lt": 7.0, "lv": 10.0, "af": 0.3, "eo": 2.0, "ru": 2.3, "uk": 7.5, "be": 11.0, "bg": 1.7, "sr": 5.0, "mk": 3.5,
    "fa": 5.0, "ur": 12.0,
}  # fmt: skip

# Strings inside or at the ends of words (a space stands for the edge) that are common in a language and rare in most others.
PIECES = {
    "en": "ing |tion|th|wh|sh|ght|ck |ed |ly |ness |ough|y | kn|oo",
    "de": "sch|ung |ich|cht|keit |lich|ein|st |ck|tz|ie|eit |ern |pf|chen ",
    "fr": "eau|oux|eux |ait |que |aux |ez |oi|ement |ll|é |ée |ée?s |qu|ou",
    "es": "ción |dad |ll|ando |iendo |ado |os |as |ue|rr|ió |ñ|ita |illo",
    "it": "zion|ità |gli|cch|ggi|zz|tt|are |ere |ono |ando |ett|cci|sc",
    "pt": "ção |ões |lh|nh|dade |ando |ão |endo |eir|ou |ss|ém |inh",
    "nl": "ij|aa|oo|ee|sch|oe|uu|eren |en |ge|cht|lijk|heid |ui|kk",
    "sv": "ck|ning |ar |or |är|ör|sk|an |et |en |het |tt|ande ",
    "da": "lse |hed |ede |er |et |en |ig |nde |sk|gt|øj|kk|ør",
    "nb": "else |het |ene |er |et |en |ig |ende |sk|gt|øy|kk|ør|ei",
    "fi": "ää|aa|inen |sta |ssa |lla |ksi |uu|ii|tt|kk|nen |än |yy|uo|ien ",
    "et": "aa|ää|st |ga |mine |õ|dd|ud |vad |uu|ii",
    "hu": "sz|gy|ny|cs|ly|ök|ek |ak |ság |ség |ban |ben |nak |nek |tt|ó |ő ",
    "pl": "sz|cz|rz|dz|ść|wy|ni|ow|ego |ych |ie |ła |ł |ów |ek ",
    "cs": "ř|ů|ě|ní |ou |ch|ost |ých |ého |sk|ým |ová ",
    "sk": "ie |ou |ch|osť |ých |ého |ľ|ô|ov |ení |ť ",
    "sl": "lj|nj|sk|ega |ost |ih |ni |anje |ov |ev ",
    "hr": "lj|nj|ije|sk|og |ost |ih |anje |ić |ima ",
    "ro": "ul |ți|ăr|ului |ește |ea |ii |ate |ilor |ă |î",
    "ca": "ny|ció |tat |ts |itz|qü|ix|aig |l·l|es |ment |ig ",
    "tr": "lar|ler|lık|lik|mak |mek |ı |dır|yor|ş|ğ|da |de |in ",
    "id": "ng|nya |kan |ber|men|ter|pe|ang |an |meng|nga",
    "vi": "nh |ng |th|ph|kh|iê|ươ|đ",
    "lt": "as |is |us |ių |ai |ė |os |uo|ie|mas ",
    "lv": "šan|iem |ie|ība|ās |as |is |ām |ī",
    "sw": "wa|ku|ki|mw|ny|ng|sh|ish|ika |ana |a |u |mb|nd",
    "tl": "ng |ang |mag|pag|nag|ka|in |an |ay ",
    "af": "aa|ee|oe|ie|ing |heid |lik|ge|uu|y|ê",
    "eo": "oj |aj |ojn |as |is |on |ado |eco |aŭ|ĉ",
    "ru": "ет |ая |ой |ого |ть |ся |ый |ие |ия |ют |ии |ых |ы|ев|щ|э|ку |ли |ла |ом |ами ",
    "uk": "ння |ий |ого |ся |ії |ою |ть |є|ї|і|ів |ає ",
    "be": "ў|ць |ца |ае |ага |і|ы |цца |дз",
    "bg": "та |то |ят |ване |ите |ия |ът |ъ|ще|ски |ха |еше |аше |ната ",
    "sr": "ње |ује|ј|ћ|ђ|љ|њ|ог |ија |а се ",
    "mk": "от |ата |ите |ј|ње |ќ|ѓ|ува |то ",
    "la": "us |um |ae |orum |ibus |am |it |unt |tur |que |is ",
}
